"""Open untrusted media: the first bytes decide which container a file is, before FFmpeg sees it.

Only the containers listed here are opened, each with its demuxer named beforehand, so a text file in a playlist or
concat format can never open other files. FFmpeg reads from an open file object and never learns the file's name, so no
name is interpreted as a protocol or pattern; a container that asks to open other files is refused.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from mova_core.errors import MediaError

HEAD_BYTES = 4096
READ_BYTES = 1 << 18
MOST_PIXELS = 1 << 28  # no frame of more is ever decoded, whatever a caller allows
STRICT = {"err_detect": "crccheck+explode"}  # sums are checked only where that is asked for: FLAC, MPEG audio, FFV1

# Reading footage raises far more than FFmpegError: text that does not decode, sizes that cannot be held, a stream that
# only turns up midway (IndexError).
READ_ERRORS = (av.error.FFmpegError, OSError, ValueError, EOFError, IndexError)

MOV_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"sidx")
HEIF_BRANDS = (b"heic", b"heix", b"mif1", b"avif")
IMAGES = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF"}
MP3_STARTS = (b"ID3", b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2", b"\xff\xe3", b"\xff\xe2")
PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"file ", b"<MPD", b"<playlist", b"[playlist]")
TS_PACKET_BYTES = 188


@dataclass(frozen=True, slots=True)
class Container:
    """A container format that footage may have.

    Args:
        name: for tables, such as `mp4` or `webm`.
        demuxer: FFmpeg's name for what reads it.
    """

    name: str
    demuxer: str


@contextmanager
def open_media(path: Path, max_pixels: int = MOST_PIXELS) -> Iterator[tuple[InputContainer, Container]]:
    """Open a file as the container that its content says it is.

    Args:
        path: the file; a link is followed, so check beforehand that it stays where it may.
        max_pixels: while streams are examined, no frame of more is decoded.

    Raises:
        MediaError: `not_a_file`, `empty_file`, `git_lfs_pointer`, `still_image`, `not_media`, `truncated`,
            `unreadable`.
    """
    with _regular_file(path) as file:
        kind = sniff(file.read(HEAD_BYTES))
        file.seek(0)
        with read_errors("unreadable", f"a {kind.name} file that cannot be opened"):
            try:
                opened = av.open(
                    file,
                    format=kind.demuxer,
                    options={"max_pixels": str(min(max_pixels, MOST_PIXELS))},
                    container_options={"protocol_whitelist": "none", "format_whitelist": kind.demuxer},
                    metadata_errors="replace",
                    buffer_size=READ_BYTES,
                )
            except av.error.InvalidDataError:
                if kind.demuxer == "mov" and not _has_moov(file):
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
def read_errors(code: str, what: str) -> Iterator[None]:
    """Turn whatever reading raises into a MediaError with this code.

    Raises:
        MediaError: `code` with `what` and the cause; `memory_limit` when memory ran out.
    """
    try:
        yield
    except MediaError:
        raise
    except MemoryError:
        raise MediaError("memory_limit", f"{what}: it needs more memory than it may have") from None
    except READ_ERRORS as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise MediaError(code, f"{what}: {' '.join(str(cause).split())}") from None


def sniff(head: bytes) -> Container:
    """What a file is by its first bytes.

    Raises:
        MediaError: `empty_file`, `git_lfs_pointer`, `still_image` or `not_media`.
    """
    if not head:
        raise MediaError("empty_file", "the file is empty (0 bytes)")
    if head.startswith(b"version https://git-lfs"):
        raise MediaError("git_lfs_pointer", "a Git LFS pointer, not the file itself: run `git lfs pull`")
    if found := _video_container(head) or _audio_container(head):
        return found
    raise _refusal(head)


def _video_container(head: bytes) -> Container | None:
    if head[4:8] in MOV_BOXES and not (head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS):
        return Container("mov" if head[8:12] == b"qt  " or head[4:8] != b"ftyp" else "mp4", "mov")
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return Container("webm" if b"webm" in head[:64] else "matroska", "matroska")
    if head.startswith(b"RIFF") and head[8:11] == b"AVI":
        return Container("avi", "avi")
    if _is_transport_stream(head):
        return Container("mpegts", "mpegts")
    for start, name in ((b"\0\0\x01\xba", "mpeg"), (b"OggS", "ogg"), (b"FLV\x01", "flv")):
        if head.startswith(start):
            return Container(name, name)
    if head.startswith(bytes.fromhex("3026b2758e66cf11")):
        return Container("asf", "asf")
    return None


def _audio_container(head: bytes) -> Container | None:
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return Container("wav", "wav")
    if head.startswith(b"fLaC"):
        return Container("flac", "flac")
    if head.startswith(MP3_STARTS):
        return Container("mp3", "mp3")
    return None


def _is_transport_stream(head: bytes) -> bool:
    for first, step in ((0, TS_PACKET_BYTES), (4, TS_PACKET_BYTES + 4)):  # the second: with 4 bytes of time code
        marks = head[first : first + 5 * step : step]
        if len(marks) >= 3 and set(marks) == {0x47}:
            return True
    return False


def _refusal(head: bytes) -> MediaError:
    for start, name in IMAGES.items():
        if head.startswith(start):
            return MediaError("still_image", f"a {name} image, not a video")
    if head[8:12] in (*HEIF_BRANDS, b"WEBP"):
        return MediaError("still_image", "a still image, not a video")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:9].lower() == b"<!doctype" or text[:5].lower() == b"<html":
        return MediaError("not_media", "a web page, not a video: perhaps a failed download")
    if text.startswith(PLAYLISTS):
        return MediaError("not_media", "a playlist that names other files, not a video")
    if b"\0" not in head:
        return MediaError("not_media", "text, not a video")
    return MediaError("not_media", f"not a known video or audio container (first bytes {head[:8].hex(' ')})")


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


def _has_moov(file: IO[bytes]) -> bool:
    """Whether a mov or mp4 file's top level holds its index."""
    position, size = 0, file.seek(0, os.SEEK_END)
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if header[4:8] == b"moov":
            return True
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length < 8:
            return False
        position += length
    return False
