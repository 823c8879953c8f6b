"""What is kept of a checkpoint: manifests against rows, blobs in the store, and the folder on this machine."""

import hashlib
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import StaleError
from mova_core.places import ARTIFACTS
from mova_core.registry.artifacts import MANIFEST_OF, MODEL, artifact_name
from mova_core.registry.database.tables import Alias, Artifact, Checkpoint
from mova_core.registry.manifests import FileList
from mova_core.registry.verify.check import Check, Fault, HashedFiles
from mova_core.storage.artifact_store.base import ArtifactStore, blob_place, manifest_place
from mova_core.storage.artifact_store.local import LocalStore
from mova_core.storage.manifest import FileEntry, Files, file_names


def artifact_checks(
    session: Session, checkpoint: Checkpoint, store: ArtifactStore, root: Path, hashed: HashedFiles
) -> Iterator[Check | Fault]:
    """Everything that is kept of a checkpoint.

    Args:
        session: any session of the registry.
        checkpoint: its row.
        store: the project's.
        root: the project's folder.
        hashed: what was read already.

    Raises:
        MovaError, UsageError: the store does not answer, or refuses.
    """
    query = sa.select(Artifact).where(Artifact.checkpoint_id == checkpoint.checkpoint_id)
    kept = list(session.scalars(query.order_by(Artifact.sequence)))
    if not any(artifact.kind == MODEL for artifact in kept):
        aliases = sa.select(Alias.name).where(Alias.checkpoint_id == checkpoint.checkpoint_id)
        for alias in session.scalars(aliases.order_by(Alias.name)):
            yield (
                f"alias {alias} names checkpoint {checkpoint.checkpoint_id}, of which no model is kept: run "
                f"`mova promote {checkpoint.checkpoint_id} --alias {alias}` where its weights are"
            )
    for artifact in kept:
        yield from _artifact(artifact, store, root, hashed)


def _artifact(artifact: Artifact, store: ArtifactStore, root: Path, hashed: HashedFiles) -> Iterator[Check | Fault]:
    kind, name = f"{artifact.kind}s", artifact_name(artifact.checkpoint_id, artifact.artifact_id)
    place = f"{store.address}/{manifest_place(kind, name)}"
    again = f"promote {artifact.checkpoint_id} again where its weights are, or bring {store.address} back from a backup"
    try:
        content = store.get_manifest(kind, name)
    except StaleError as error:  # a link lies in its place
        yield str(error)
        return
    if content is None:
        yield f"{place} is missing: {again}"
        return
    if hashlib.sha256(content).hexdigest() != artifact.artifact_id:
        yield f"{place} is not the one that was recorded, it was swapped: {again}"
        return
    listed = FileList.model_validate_json(content)
    size = sum(entry.bytes for entry in listed.files.values())
    if (listed.checkpoint_id, size) != (artifact.checkpoint_id, artifact.bytes):
        yield (
            f"the registry's row of {place} says checkpoint {artifact.checkpoint_id} and {artifact.bytes} bytes, the "
            f"manifest {listed.checkpoint_id} and {size}: the row was altered, bring the database back from a backup"
        )
    for entry in {entry.sha256: entry for entry in listed.files.values()}.values():
        yield _blob(store, entry, again, hashed)
    manifest = {MANIFEST_OF[artifact.kind]: FileEntry(bytes=len(content), sha256=artifact.artifact_id)}
    yield from _folder(root / ARTIFACTS / kind / name, listed.files | manifest, hashed)


def _folder(folder: Path, files: Files, hashed: HashedFiles) -> Iterator[Check | Fault]:
    """The folder that was laid out on this machine, if it was."""
    if not folder.is_dir():
        return
    remedy = f"remove {folder}, it is laid out again when it is asked for"
    yield from (hashed.check(folder / name, entry, remedy) for name, entry in files.items())
    yield from (f"{folder / name} is in no manifest: {remedy}" for name in file_names(folder) if name not in files)


def _blob(store: ArtifactStore, entry: FileEntry, remedy: str, hashed: HashedFiles) -> Check:
    if isinstance(store, LocalStore):
        return hashed.check(store.root / blob_place(entry.sha256), entry, remedy)
    return Check(entry.bytes, partial(_read_blob, store, entry, remedy))


def _read_blob(store: ArtifactStore, entry: FileEntry, remedy: str) -> Fault | None:
    """Fetch a blob of a bucket, which is compared while it is read."""
    with tempfile.TemporaryDirectory(prefix="mova-verify-") as temporary:
        try:
            store.get_blob(entry.sha256, Path(temporary) / "blob")
        except StaleError as error:
            return f"{str(error).partition(':')[0]}: {remedy}"
    return None
