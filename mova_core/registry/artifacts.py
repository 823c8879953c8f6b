"""Artifacts: every promoted model, and the package of it that is served, kept for good in the artifact store.

    manifests/models/CHECKPOINT-DIGEST      the selection.json of a model, which lists its files
    manifests/packages/CHECKPOINT-DIGEST    the reference.json of a package, likewise
    blobs/ab/abcd…                          every file once
DIGEST is the start of the manifest's sha256; the registry holds all of it, so another manifest under the same name is
told. Which store is a matter of params (`registry.store`).

What is read is a folder of this machine, `.mova/artifacts/models/CHECKPOINT-DIGEST` or `packages/…`: made where a model
is promoted, fetched and verified anywhere else. It appears whole or not at all and is never changed, so training and
packaging again, or removing models/ and dist/, takes nothing away from an alias or from its history. Its files are hard
links to the blobs in `.mova/artifacts`, which is the store itself, or holds what was fetched from it.
"""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import StaleError
from mova_core.places import ARTIFACTS
from mova_core.registry.artifact_files import check_kinds
from mova_core.registry.configured_store import configured_store
from mova_core.registry.database.connection import only_one
from mova_core.registry.database.tables import Artifact
from mova_core.registry.earlier_artifacts import adopt_earlier
from mova_core.registry.manifests import REFERENCE_FILE, SELECTION_FILE, FileList
from mova_core.storage.artifact_store.base import ArtifactStore, other_bytes
from mova_core.storage.artifact_store.listed import listed_files
from mova_core.storage.artifact_store.local import LocalStore
from mova_core.storage.artifact_store.transfer import fetch, push
from mova_core.storage.atomic_folder import atomic_folder
from mova_core.storage.manifest import read_manifest, verify

MODEL, PACKAGE = "model", "package"
MANIFEST_OF = {MODEL: SELECTION_FILE, PACKAGE: REFERENCE_FILE}
DIGEST_DIGITS = 8
LOCK = "artifacts"  # held while one is recorded, and while garbage is collected


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """A folder of the store.

    Args:
        artifact_id: sha256 of its manifest.
        kind: `model` or `package`.
        checkpoint_id: the weights in it.
        path: of the folder on this machine, from the project's folder.
        bytes: of all its files.
    """

    artifact_id: str
    kind: str
    checkpoint_id: str
    path: str
    bytes: int


def store_artifact(kind: str, folder: Path, root: Path) -> StoredArtifact:
    """Put a folder into the store, every file compared with the folder's manifest; the registry is not touched.

    Args:
        kind: `model` or `package`.
        folder: a model folder with its selection.json, or a package with its reference.json.
        root: the project's folder.

    Raises:
        StaleError: the manifest cannot be read, or a file is missing or not the one that it lists.
        UsageError: a pickle, or the store refuses.
        MovaError: the store does not answer.
        DiskFull: there is no room.
    """
    manifest, sha256 = read_manifest(folder / MANIFEST_OF[kind], FileList)
    content = (folder / MANIFEST_OF[kind]).read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise other_bytes(folder / MANIFEST_OF[kind], sha256, found, "it is being written, run again")
    name = artifact_name(manifest.checkpoint_id, sha256)
    path = ARTIFACTS / f"{kind}s" / name
    check_kinds(manifest.files, only_weights=kind == MODEL)
    cache, *others = stores(root)
    for each in (cache, *others):
        push(each, folder, manifest.files)
        each.put_manifest(f"{kind}s", name, content)
    if not (root / path).is_dir():
        _make_folder(kind, root / path, content, cache)
    size = sum(entry.bytes for entry in manifest.files.values())
    return StoredArtifact(sha256, kind, manifest.checkpoint_id, path.as_posix(), size)


def artifact_name(checkpoint_id: str, artifact_id: str) -> str:
    """How the manifest of an artifact is named in the store, and its folder on this machine.

    Args:
        checkpoint_id: the weights in it.
        artifact_id: sha256 of its manifest.
    """
    return f"{checkpoint_id}-{artifact_id[:DIGEST_DIGITS]}"


def stores(root: Path) -> tuple[LocalStore, *tuple[ArtifactStore, ...]]:
    """Where a project keeps artifacts: on this machine, and in the store that its params name, if that is another."""
    cache, store = _on_this_machine(root), configured_store(root)
    return (cache,) if store == cache else (cache, store)


def record_artifact(session: Session, stored: StoredArtifact, root: Path) -> None:
    """Record a stored folder as its checkpoint's newest. Call it inside `writing`.

    Raises:
        StaleError: garbage collection removed part of it since it was stored.
    """
    only_one(session, LOCK)
    folder = root / stored.path
    try:
        for store in stores(root):  # there already, or not all that it lists is
            store.put_manifest(f"{stored.kind}s", folder.name, (folder / MANIFEST_OF[stored.kind]).read_bytes())
    except (StaleError, FileNotFoundError) as error:
        raise StaleError(f"{folder} was removed by garbage collection meanwhile ({error}): run it again") from None
    values: dict[str, Any] = {name: getattr(stored, name) for name in ("kind", "checkpoint_id", "path", "bytes")}
    last = session.scalar(sa.select(sa.func.max(Artifact.sequence))) or 0  # no clock decides which is the newest
    values |= {"kept_at": time.time(), "sequence": last + 1}
    session.merge(Artifact(artifact_id=stored.artifact_id, **values))


def kept_folder(session: Session, kind: str, checkpoint_id: str, root: Path) -> Path | None:
    """The newest folder of a kind that is kept of a checkpoint, fetched from the store if it is not on this machine;
    None if none was kept, or it is in no store that this project knows.

    Raises:
        StaleError: the store holds another manifest or other bytes than were kept, or a pickle.
        MovaError, UsageError: the store does not answer, or refuses.
    """
    query = sa.select(Artifact).where(Artifact.kind == kind, Artifact.checkpoint_id == checkpoint_id)
    for artifact in session.scalars(query.order_by(Artifact.sequence.desc())):
        folder = root / ARTIFACTS / f"{kind}s" / artifact_name(checkpoint_id, artifact.artifact_id)
        if (folder / MANIFEST_OF[kind]).is_file() or _fetched(kind, folder, artifact.artifact_id, root):
            return folder
    return None


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


def _on_this_machine(root: Path) -> LocalStore:
    cache = LocalStore((root / ARTIFACTS).absolute())
    adopt_earlier(cache, {f"{kind}s": name for kind, name in MANIFEST_OF.items()})
    return cache


def _fetched(kind: str, folder: Path, artifact_id: str, root: Path) -> bool:
    """Bring a folder here from the store; whether it is there."""
    store, cache = configured_store(root), _on_this_machine(root)
    content = store.get_manifest(f"{kind}s", folder.name)
    if content is None:
        return False
    if (found := hashlib.sha256(content).hexdigest()) != artifact_id:
        what = f"manifest {kind}s/{folder.name} in {store.address}"
        raise other_bytes(what, artifact_id, found, "it was swapped, promote the checkpoint again where it is kept")
    files = listed_files(content, f"manifest {kind}s/{folder.name}")
    check_kinds(files, only_weights=kind == MODEL)
    fetch(store, cache, {entry.sha256 for entry in files.values()})
    if store != cache:
        cache.put_manifest(f"{kind}s", folder.name, content)
    _make_folder(kind, folder, content, cache)
    return True


def _make_folder(kind: str, folder: Path, content: bytes, cache: LocalStore) -> None:
    """Lay out what a manifest lists, of blobs that are on this machine."""
    with atomic_folder(folder) as made:
        for name, entry in listed_files(content, str(folder)).items():
            cache.get_blob(entry.sha256, made / name)
        (made / MANIFEST_OF[kind]).write_bytes(content)
