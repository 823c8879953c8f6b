"""A folder as an artifact store: read-only files, written whole, fsynced and renamed.

Where the file system shares blocks between files (btrfs, XFS), a copy takes no room. Else a blob is given out as a hard
link: it must be read-only, because whoever wrote into it would alter the store (which the next reader is told). Links
are not followed inside the store: what lies there is a file of its own or it is refused.
"""

import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from mova_core.errors import StaleError
from mova_core.storage.artifact_store.base import (
    BLOBS,
    MANIFESTS,
    NAME,
    SHA256,
    StoredBlob,
    blob_place,
    manifest_place,
    other_bytes,
)
from mova_core.storage.artifact_store.listed import check_present
from mova_core.storage.atomic import atomic_path
from mova_core.storage.hashing import sha256_file
from mova_core.storage.manifest import SHOWN_DIGITS

FICLONE = 0x40049409  # Linux's ioctl that copies a file by sharing its blocks (btrfs, XFS)
PIECE_BYTES = 1 << 20
READ_ONLY = 0o444
AGAIN = "put it again from where it came from"


@dataclass(frozen=True, slots=True)
class LocalStore:
    """The store in the folder `root`, an absolute path; the folder is made when something is put there."""

    root: Path

    @property
    def address(self) -> str:
        return str(self.root)

    def has_blob(self, sha256: str) -> bool:
        return self._size(sha256) is not None

    def is_whole(self, sha256: str) -> bool:
        """Whether a blob is there and holds the bytes that its name says."""
        path = self._path(blob_place(sha256))
        return _is_file(path) and sha256_file(path) == sha256

    def put_blob(self, source: Path, sha256: str) -> None:
        target = self._path(blob_place(sha256))
        if not source.is_file():
            raise StaleError(f"{source} is missing or no file, expected sha256 {sha256[:SHOWN_DIGITS]}: make it again")
        if self.is_whole(sha256):
            _check(source, sha256_file(source), sha256)
            return
        with atomic_path(target) as temporary:
            _check(source, _copy(source, temporary), sha256)
            temporary.chmod(READ_ONLY)

    def get_blob(self, sha256: str, target: Path) -> None:
        source = self._path(blob_place(sha256))
        if not _is_file(source):
            raise StaleError(f"blob {sha256[:SHOWN_DIGITS]} is not in {self.root}: {AGAIN}")
        with atomic_path(target) as temporary:
            if not _cloned(source, temporary):
                _link(source, temporary)
            if (found := sha256_file(temporary)) != sha256:
                raise other_bytes(source, sha256, found, f"it was damaged, {AGAIN}")
            temporary.chmod(READ_ONLY)

    def blobs(self) -> Iterator[StoredBlob]:
        for folder in self._entries(BLOBS):
            for path in self._entries(f"{BLOBS}/{folder.name}"):
                if SHA256.fullmatch(path.name) and folder.name == path.name[:2]:
                    try:
                        status = path.lstat()
                    except FileNotFoundError:  # removed meanwhile
                        continue
                    if stat.S_ISREG(status.st_mode):
                        yield StoredBlob(path.name, status.st_size, status.st_mtime)

    def remove_blob(self, sha256: str) -> None:
        self._path(blob_place(sha256)).unlink(missing_ok=True)

    def put_manifest(self, kind: str, name: str, content: bytes) -> None:
        path = self._path(manifest_place(kind, name))
        check_present(content, f"manifest {kind}/{name}", self._size)
        if self._same(path, content):
            return
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
            temporary.chmod(READ_ONLY)
            try:
                os.link(temporary, path)  # fails where another process was first; a rename would replace its manifest
            except FileExistsError:
                self._same(path, content)
            except OSError:  # a file system without hard links: the rename that follows has to do
                pass

    def get_manifest(self, kind: str, name: str) -> bytes | None:
        path = self._path(manifest_place(kind, name))
        return path.read_bytes() if _is_file(path) else None

    def kinds(self) -> list[str]:
        names = [path.name for path in self._entries(MANIFESTS) if NAME.fullmatch(path.name)]
        return [name for name in names if next(self.manifests(name), None) is not None]

    def manifests(self, kind: str) -> Iterator[str]:
        for path in self._entries(manifest_place(kind)):
            if NAME.fullmatch(path.name) and _is_file(path):
                yield path.name

    def remove_manifest(self, kind: str, name: str) -> None:
        self._path(manifest_place(kind, name)).unlink(missing_ok=True)

    def address_of(self, sha256: str, valid_for: timedelta) -> str | None:
        return None

    def _path(self, place: str) -> Path:
        """Where something lies.

        Raises:
            StaleError: a folder on the way there is a link.
        """
        path = self.root / place
        for folder in path.parents[: len(Path(place).parts) - 1]:
            if folder.is_symlink():
                raise StaleError(f"{folder} is a link, expected a folder of the store: put back the folder")
        return path

    def _entries(self, place: str) -> list[Path]:
        """What lies in a folder of the store, by name; nothing where there is none."""
        folder = self._path(f"{place}/entry").parent
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def _size(self, sha256: str) -> int | None:
        path = self._path(blob_place(sha256))
        return path.stat().st_size if _is_file(path) else None

    def _same(self, path: Path, content: bytes) -> bool:
        """Whether a manifest is there already.

        Raises:
            StaleError: another one is.
        """
        if not _is_file(path):
            return False
        if path.read_bytes() != content:
            raise StaleError(f"{path} is there with other content: a manifest never changes, choose another name")
        return True


def _is_file(path: Path) -> bool:
    """Whether a file of the store is there.

    Raises:
        StaleError: something else is.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(mode):
        raise StaleError(f"{path} is a link or no file, expected a file of the store: remove it and {AGAIN}")
    return True


def _check(source: Path, found: str, sha256: str) -> None:
    if found != sha256:
        raise other_bytes(source, sha256, found, "it was altered, make it again")


def _copy(source: Path, target: Path) -> str:
    """Copy a file; the sha256 of what was written."""
    if _cloned(source, target):
        return sha256_file(target)
    digest = hashlib.sha256()
    with source.open("rb") as read, target.open("wb") as written:
        while piece := read.read(PIECE_BYTES):
            digest.update(piece)
            written.write(piece)
    return digest.hexdigest()


def _cloned(source: Path, target: Path) -> bool:
    """Copy a file by sharing its blocks, if the file system can."""
    with source.open("rb") as read, target.open("wb") as written:
        return _shares_blocks(read, written)


def _shares_blocks(read: BinaryIO, written: BinaryIO) -> bool:
    try:
        fcntl.ioctl(written, FICLONE, read.fileno())
    except OSError:
        return False
    return True


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)
