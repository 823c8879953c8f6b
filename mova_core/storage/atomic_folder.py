"""A folder is either whole or not there: filled under a temporary name, fsynced, renamed.

The files inside are written plainly; nothing reads them before the rename.
"""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mova_core.errors import UsageError
from mova_core.storage.atomic import fsync, make_folder, room_for


@contextmanager
def atomic_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give an empty temporary folder beside `path`; on success rename it to `path`, else remove it.

    Args:
        path: the folder to make.
        replace: take the place of a folder that is there. Killed between the two renames, the old one is left under
            a temporary name and `path` is not there: never half of each.

    Raises:
        UsageError: `path` is there, not empty and not to be replaced; or its parent cannot be written to.
        DiskFull: there is no room for it.
    """
    check_free(path, replace=replace)
    make_folder(path.parent)
    temporary = path.parent / f".tmp-{secrets.token_hex(6)}"
    temporary.mkdir()
    try:
        with room_for(path):
            yield temporary
            _fsync_tree(temporary)
            if path.exists():
                old = path.parent / f".tmp-{secrets.token_hex(6)}"
                path.rename(old)
                temporary.rename(path)
                shutil.rmtree(old)
            else:
                temporary.rename(path)
            fsync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_free(path: Path, *, replace: bool = False) -> None:
    """Refuse a place that is taken.

    Raises:
        UsageError: it is a file, or a folder with something in it that is not to be replaced.
    """
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file, expected a folder to write: choose another place")
    if path.is_dir() and not replace and any(path.iterdir()):
        raise UsageError(f"{path} is not empty: choose another place, or remove it first")


def _fsync_tree(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        fsync(path)
