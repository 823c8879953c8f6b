"""Open untrusted media: the first bytes decide which container a file is, before FFmpeg sees it.

Only the containers of `formats.py` are opened, each with its demuxer named beforehand, so a text file in a playlist
or concat format can never open other files. FFmpeg reads from an open file object and never learns the file's name, so
no name is interpreted as a protocol or pattern; a container that asks to open other files is refused.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from mova_core.errors import MediaError
from mova_core.media.container.formats import Container, sniff
from mova_core.media.container.mov_boxes import has_index, is_encrypted
from mova_core.media.container.packet_sync import HEAD_BYTES

READ_BYTES = 1 << 18
MOST_PIXELS = 1 << 28  # no frame of more is ever decoded, whatever a caller allows
STRICT = {"err_detect": "crccheck+explode"}  # sums are checked only where that is asked for: FLAC, MPEG audio, FFV1

# Reading footage raises far more than FFmpegError: text that does not decode, sizes that cannot be held, a stream that
# only turns up midway (IndexError).
READ_ERRORS = (av.error.FFmpegError, OSError, ValueError, EOFError, IndexError)


@contextmanager
def open_media(path: Path, max_pixels: int = MOST_PIXELS) -> Iterator[tuple[InputContainer, Container]]:
    """Open a file as the container that its content says it is.

    Args:
        path: the file; a link is followed, so check beforehand that it stays where it may.
        max_pixels: while streams are examined, no frame of more is decoded.

    Raises:
        MediaError: `not_a_file`, `empty_file`, `git_lfs_pointer`, `still_image`, `not_media`, `truncated`,
            `encrypted`, `unreadable`.
    """
    with _regular_file(path) as file:
        kind = sniff(file.read(HEAD_BYTES))
        if kind.demuxer == "mov" and is_encrypted(file):
            raise MediaError(
                "encrypted", "its samples are encrypted (Common Encryption or other DRM): decrypt it first"
            )
        content = _From(file, kind.starts_at)
        content.seek(0)
        with read_errors("unreadable", f"a {kind.name} file that cannot be opened"):
            try:
                opened = av.open(
                    content,
                    format=kind.demuxer,
                    options={"max_pixels": str(min(max_pixels, MOST_PIXELS))},
                    container_options={"protocol_whitelist": "none", "format_whitelist": kind.demuxer},
                    metadata_errors="replace",
                    buffer_size=READ_BYTES,
                )
            except av.error.InvalidDataError:
                if kind.demuxer == "mov" and not has_index(file):
                    raise MediaError("truncated", "its index (the moov box) is missing: the file was cut off") from None
                raise
        assert isinstance(opened, InputContainer)
        with opened:
            yield opened, kind


def decode_strictly(stream: VideoStream | AudioStream) -> None:
    """Decode a stream in one thread, so that it gives the same everywhere, and conceal no damage of it."""
    stream.codec_context.thread_count = 1
    stream.codec_context.options = STRICT


@contextmanager
def read_errors(code: str, what: str | Callable[[], str]) -> Iterator[None]:
    """Turn whatever reading raises into a MediaError with this code.

    Args:
        code: of the error.
        what: fails; a function that says it where saying it for every packet would take long.

    Raises:
        MediaError: `code` with `what` and the cause; `memory_limit` when memory ran out.
    """
    try:
        yield
    except MediaError:
        raise
    except (MemoryError, *READ_ERRORS) as error:
        told = what if isinstance(what, str) else what()
        if isinstance(error, MemoryError):
            raise MediaError("memory_limit", f"{told}: it needs more memory than it may have") from None
        cause = getattr(error, "strerror", None) or str(error)
        raise MediaError(code, f"{told}: {' '.join(str(cause).split())}") from None


class _From:
    """A file without its first bytes, as far as FFmpeg reads it."""

    def __init__(self, file: IO[bytes], first: int) -> None:
        self._file = file
        self._first = first
        self.read = file.read

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset + (self._first if whence == os.SEEK_SET else 0), whence) - self._first

    def tell(self) -> int:
        return self._file.tell() - self._first


@contextmanager
def _regular_file(path: Path) -> Iterator[IO[bytes]]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not hold us up
    except OSError as error:
        raise MediaError("unreadable", f"cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise MediaError("not_a_file", "not a regular file")
    with os.fdopen(descriptor, "rb", buffering=0) as file:  # opened by number: FFmpeg never sees the name
        yield file
