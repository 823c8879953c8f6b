"""One thing that may go."""

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Garbage:
    """A file, folder, or part of an artifact store.

    Args:
        place: where it is: a path from the project's folder, or an address.
        bytes: what it takes, with all in it.
        reason: why it may go.
        remove: removes it, and all in it.
    """

    place: str
    bytes: int
    reason: str
    remove: Callable[[], None]


def garbage_path(path: Path, root: Path, reason: str) -> Garbage:
    """A file or folder of the project."""

    def remove() -> None:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    return Garbage(path.relative_to(root).as_posix(), _size(path), reason, remove)


def before(seconds: float) -> float:
    """The time so many seconds ago, in seconds since 1970."""
    return time.time() - seconds


def last_change(path: Path) -> float:
    """When a file, or anything in a folder, was last written to."""
    return max(each.lstat().st_mtime for each in _with_all_in(path))


def _size(path: Path) -> int:
    return sum(each.lstat().st_size for each in _with_all_in(path) if not each.is_dir())


def _with_all_in(path: Path) -> Iterable[Path]:
    return [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]
