"""Whoever reads a file of the footage after `ingest` reads the bytes that its `source_id` names, or stops.

The bytes are hashed before they are read, and afterwards the file must be the one that was hashed: same file, size and
times. The time of the last change of its metadata (ctime) is one of them, because no program can set it back: a file
that was exchanged and put back meanwhile is noticed as well.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mova_core.curation.ingest.footage import Footage
from mova_core.errors import MediaError, StaleError
from mova_core.storage.hashing import sha256_file

INGEST_AGAIN = "run `mova ingest` again, or `dvc repro`"


class FileState(NamedTuple):
    """What changes with a file's content: times are those of the last change of content and of metadata."""

    device: int
    inode: int
    bytes: int
    mtime_ns: int
    ctime_ns: int


@contextmanager
def reading(path: Path, source_id: str, hashed: FileState | None = None) -> Iterator[None]:
    """Read a file inside this: its bytes are checked before, and that nobody touched it afterwards.

    Args:
        path: where it lies.
        source_id: sha256 of its bytes, as `ingest` found them.
        hashed: its state when they were found, if that is known: where it is the same, they are not hashed again.

    Raises:
        MediaError: `unreadable`.
        StaleError: it holds other bytes, or was written or replaced while it was read.
    """
    before = _state(path)
    if before != hashed and _digest(path) != source_id:
        raise _other_bytes(path, source_id)
    try:
        yield
    finally:  # what reads as damage may come from the change
        _check_untouched(path, before)


def identify(path: Path) -> tuple[str, FileState]:
    """The sha256 of a file's bytes, and its state while they were hashed.

    Raises:
        MediaError: `unreadable`.
        StaleError: it was written or replaced meanwhile.
    """
    before = _state(path)
    sha256 = _digest(path)
    _check_untouched(path, before)
    return sha256, before


def source_path(footage: Footage, path: str) -> Path:
    """A local file that holds a source which `ingest` accepted.

    Raises:
        StaleError: the footage has no such file any more, as when it became a link that leads out of it.
    """
    try:
        return footage.path_of(path)
    except MediaError as error:
        raise StaleError(
            f"{path} of the footage is not what `mova ingest` read ({error.reason}): {INGEST_AGAIN}"
        ) from None


def _other_bytes(path: Path, source_id: str) -> StaleError:
    if path.name == source_id:  # a copy of an object, named by what it held
        return StaleError(f"the copy {path} of an object of the footage is damaged: delete it and run again")
    return StaleError(
        f"{path.name} of the footage holds other bytes than when `mova ingest` read it (sha256 {source_id[:12]}…): "
        f"{INGEST_AGAIN}"
    )


def _check_untouched(path: Path, before: FileState) -> None:
    if _state(path) != before:
        raise StaleError(
            f"{path.name} of the footage was written while it was read: run again once nobody writes to it"
        )


def _digest(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise _unreadable(error) from None


def _state(path: Path) -> FileState:
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(error) from None
    return FileState(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _unreadable(error: OSError) -> MediaError:
    return MediaError("unreadable", f"cannot be read: {error.strerror}")
