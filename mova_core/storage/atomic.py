"""A file is either whole or not there: temporary name, fsync, rename.

Killed anywhere, what a reader sees is the old file or the new one. The temporary name is short and random, so a
target name of up to 255 bytes still works and a dead run's leavings are never taken for a result.
"""

import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mova_core.errors import DiskFull, UsageError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder; on success fsync it and rename it to `path`, else remove it.

    Raises:
        UsageError: the folder cannot be made or written to.
        DiskFull: it has no room.
    """
    temporary = path.parent / f"{_leading(path.name)}{secrets.token_hex(6)}{path.suffix}"
    make_folder(path.parent)
    try:
        with room_for(path):
            yield temporary
            fsync(temporary)
            temporary.replace(path)
            fsync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Say DiskFull of `path` where there is no room for what is written meanwhile."""
    try:
        yield
    except Exception as error:
        if _system_error(error) in NO_ROOM:
            raise _disk_full(path) from None
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically, UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def make_folder(folder: Path) -> None:
    """Make a folder that can be written to.

    Raises:
        UsageError: it cannot be made, is a file, or cannot be written to.
        DiskFull: there is no room for it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise _disk_full(folder) from None
        raise UsageError(f"{folder} cannot be made into a folder ({error.strerror}): choose another place") from None
    if not os.access(folder, os.W_OK):
        raise UsageError(f"{folder} cannot be written to: choose another place or change its permissions")


def clear_temporary(folder: Path, name: str | None = None) -> None:
    """Remove what a killed run left half-written in `folder`: all of it, or what was to become the file of this name.

    All of it is what safetensors left as well, which writes into a file `.tmpXXXXXX` of its own before it renames that.
    Nobody else may be writing the same.
    """
    for path in folder.glob(".tmp*" if name is None else f"{_leading(name)}*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _leading(name: str) -> str:
    """How temporary names of a file begin; as short for a long name."""
    return f".tmp-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}-"


def _system_error(error: Exception) -> int | None:
    """The system's number of an error; a library written in Rust (safetensors) has it in its sentence alone."""
    if isinstance(error, OSError):
        return error.errno
    written = re.search(r"\(os error (\d+)\)", str(error))
    return int(written[1]) if written else None


def _disk_full(path: Path) -> DiskFull:
    there = next(folder for folder in path.absolute().parents if folder.is_dir())
    free = shutil.disk_usage(there).free
    return DiskFull(
        f"{there} has no room for {path.name} ({free >> 20} MiB free; or a quota or file size limit is reached): "
        "make room there and run again, what is finished is kept"
    )


def fsync(path: Path) -> None:
    """Make a file's bytes, or a folder's names, outlast a crash."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
