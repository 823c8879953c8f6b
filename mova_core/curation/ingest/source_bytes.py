"""Whoever reads a file of the footage after `ingest` reads the bytes that its `source_id` names, or stops."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mova_core.errors import MediaError, StaleError
from mova_core.storage.hashing import sha256_file


@contextmanager
def reading(path: Path, source_id: str) -> Iterator[None]:
    """Read a file inside this: its bytes are checked before, and that nobody touched it afterwards.

    Args:
        path: where it lies.
        source_id: sha256 of its bytes, as `ingest` found them.

    Raises:
        MediaError: `unreadable`.
        StaleError: it holds other bytes, or was written or replaced while it was read.
    """
    before = _state(path)
    if _digest(path) != source_id:
        raise StaleError(
            f"{path.name} of the footage holds other bytes than when `mova ingest` read it (sha256 {source_id[:12]}…): "
            "run `mova ingest` again, or `dvc repro`"
        )
    try:
        yield
    finally:  # what reads as damage may come from the change
        if _state(path) != before:
            raise StaleError(
                f"{path.name} of the footage was written while it was read: run again once nobody writes to it"
            )


def _digest(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise _unreadable(error) from None


def _state(path: Path) -> tuple[int, int, int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(error) from None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _unreadable(error: OSError) -> MediaError:
    return MediaError("unreadable", f"cannot be read: {error.strerror}")
