"""Artifacts: every promoted model, and the package of it that is served, kept by id in `.mova/artifacts/`.

    models/CHECKPOINT-DIGEST/      a model folder, as it was promoted
    packages/CHECKPOINT-DIGEST/    a package, as `mova package` made it
    files/SHA256                   every file once; the folders above hold hard links to these files

DIGEST is the start of the sha256 of the folder's manifest (selection.json, reference.json), which lists every file with
its size and sha256. A folder appears whole or not at all and is never changed, so training and packaging again, or
removing models/ and dist/, takes nothing away from an alias or from its history.
"""

import fcntl
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import StaleError
from mova_core.places import ARTIFACTS
from mova_core.registry.database.tables import Artifact
from mova_core.registry.manifests import REFERENCE_FILE, SELECTION_FILE, FileList
from mova_core.storage.atomic import atomic_path
from mova_core.storage.atomic_folder import atomic_folder
from mova_core.storage.manifest import FileEntry, fault, read_manifest, verify

FILES = "files"
MODEL, PACKAGE = "model", "package"
MANIFEST_OF = {MODEL: SELECTION_FILE, PACKAGE: REFERENCE_FILE}
FICLONE = 0x40049409  # Linux's ioctl that copies a file by sharing its blocks (btrfs, XFS)
DIGEST_DIGITS = 8


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """A folder of the store.

    Args:
        artifact_id: sha256 of its manifest.
        kind: `model` or `package`.
        checkpoint_id: the weights in it.
        path: of the folder, from the project's folder.
        bytes: of all its files.
    """

    artifact_id: str
    kind: str
    checkpoint_id: str
    path: str
    bytes: int


def store_artifact(kind: str, folder: Path, root: Path) -> StoredArtifact:
    """Copy a folder into the store, every file compared with the folder's manifest; the registry is not touched.

    Args:
        kind: `model` or `package`.
        folder: a model folder with its selection.json, or a package with its reference.json.
        root: the project's folder.

    Raises:
        StaleError: the manifest cannot be read, or a file is missing or not the one that it lists.
        DiskFull: the store has no room.
    """
    manifest, sha256 = read_manifest(folder / MANIFEST_OF[kind], FileList)
    name = f"{kind}s/{manifest.checkpoint_id}-{sha256[:DIGEST_DIGITS]}"
    store, path = root / ARTIFACTS, (ARTIFACTS / name).as_posix()
    if not (root / path).is_dir():
        for file, entry in manifest.files.items():
            _store_file(folder / file, entry, store / FILES, f"make {folder} again")
        with atomic_folder(root / path) as made:
            for file, entry in manifest.files.items():
                (made / file).parent.mkdir(parents=True, exist_ok=True)
                _link(store / FILES / entry.sha256, made / file)
            shutil.copyfile(folder / MANIFEST_OF[kind], made / MANIFEST_OF[kind])
    size = sum(entry.bytes for entry in manifest.files.values())
    return StoredArtifact(sha256, kind, manifest.checkpoint_id, path, size)


def record_artifact(session: Session, stored: StoredArtifact) -> None:
    """Record a stored folder as its checkpoint's newest. Call it inside `writing`."""
    values = {name: getattr(stored, name) for name in ("kind", "checkpoint_id", "path", "bytes")}
    session.merge(Artifact(artifact_id=stored.artifact_id, kept_at=time.time(), **values))


def kept_folder(session: Session, kind: str, checkpoint_id: str, root: Path) -> Path | None:
    """The newest folder of a kind that is kept of a checkpoint; None if there is none on this machine."""
    query = sa.select(Artifact.path).where(Artifact.kind == kind, Artifact.checkpoint_id == checkpoint_id)
    paths = session.scalars(query.order_by(Artifact.kept_at.desc()))
    return next((root / path for path in paths if (root / path / MANIFEST_OF[kind]).is_file()), None)


def verify_artifact(kind: str, folder: Path, remedy: str) -> None:
    """Compare every file of a model folder or a package with its manifest, byte for byte.

    Args:
        kind: `model` or `package`.
        folder: where it lies.
        remedy: what to do about a fault.

    Raises:
        StaleError: names the first file that is missing, altered or not listed.
    """
    manifest, _ = read_manifest(folder / MANIFEST_OF[kind], FileList, remedy)
    verify(folder, manifest.files, remedy, unlisted=(MANIFEST_OF[kind],))


def _store_file(source: Path, entry: FileEntry, files: Path, remedy: str) -> None:
    """Put one file into the store, unless it is there."""
    target = files / entry.sha256
    if target.is_file():
        return
    if not source.is_file():
        raise StaleError(f"{source} {fault(source, entry)}: {remedy}")
    with atomic_path(target) as temporary:
        _copy(source, temporary)
        if wrong := fault(temporary, entry):
            raise StaleError(f"{source} {wrong}: it was altered, {remedy}")
        temporary.chmod(0o444)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as written:
        try:
            fcntl.ioctl(written, FICLONE, read.fileno())
        except OSError:  # another file system, or one without shared blocks
            shutil.copyfileobj(read, written, 1 << 20)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
