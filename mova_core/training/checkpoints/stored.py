"""Checkpoints of a run in the artifact store: put there, and brought back on another machine.

    manifests/checkpoints/PHASE-RUN-step-000250     {"phase", "fingerprint", "step", "files": …}
RUN is the start of the run's fingerprint, so only a training from the same inputs, params and code finds it. The files
are those of the checkpoint's folder, its own manifest too, and the records of the curves before it.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from mova_core.errors import StaleError
from mova_core.params import PhaseName
from mova_core.places import CHECKPOINTS
from mova_core.registry.manifests import CHECKPOINT_ID_DIGITS
from mova_core.storage.artifact_store.base import ArtifactStore
from mova_core.storage.artifact_store.transfer import pull
from mova_core.storage.atomic_folder import atomic_folder
from mova_core.storage.manifest import MANIFEST_FILE, Files, Manifest, file_entry, read_manifest, write_manifest
from mova_core.training.checkpoints.checkpoint import NAME, Checkpoint
from mova_core.training.curves import CURVES_FILE

KIND = "checkpoints"


class StoredCheckpoint(Manifest):
    """What stands in the manifest of a stored checkpoint.

    Args:
        phase: of training.
        fingerprint: of what the run was made from.
        step: optimizer steps done.
        files: size and sha256 by path within the run's folder.
    """

    SCHEMA: ClassVar = "stored-checkpoint/1"
    phase: PhaseName
    fingerprint: str
    step: int
    files: Files


def put_checkpoint(
    store: ArtifactStore, run: Path, checkpoint: Checkpoint, is_wanted: Callable[[], bool] = lambda: True
) -> bool:
    """Put a finished checkpoint into a store, its manifest last.

    Args:
        store: where to.
        run: the run's folder.
        checkpoint: one of it.
        is_wanted: asked before each file.

    Returns:
        Whether it is there; False if it was no longer wanted.

    Raises:
        StaleError: a file is gone or was altered.
        MovaError, UsageError: see `ArtifactStore`.
    """
    name = f"{_begins(checkpoint.manifest.phase, checkpoint.fingerprint)}{checkpoint.folder.name}"
    if store.get_manifest(KIND, name) is not None:
        return True
    place = f"{CHECKPOINTS}/{checkpoint.folder.name}"
    files = {f"{place}/{path}": entry for path, entry in checkpoint.manifest.files.items()}
    files[f"{place}/{MANIFEST_FILE}"] = file_entry(checkpoint.folder / MANIFEST_FILE)
    with TemporaryDirectory(prefix="mova-upload-") as temporary:
        curves, manifest = Path(temporary) / CURVES_FILE, Path(temporary) / MANIFEST_FILE
        curves.write_bytes(_records(run / CURVES_FILE, checkpoint.step))
        sources = {run / path: entry.sha256 for path, entry in files.items()}
        files[CURVES_FILE] = file_entry(curves)
        for source, sha256 in {**sources, curves: files[CURVES_FILE].sha256}.items():
            if not is_wanted():
                return False
            store.put_blob(source, sha256)
        write_manifest(
            manifest,
            StoredCheckpoint(
                phase=checkpoint.manifest.phase, fingerprint=checkpoint.fingerprint, step=checkpoint.step, files=files
            ),
        )
        store.put_manifest(KIND, name, manifest.read_bytes())
    return True


def bring_back(store: ArtifactStore, phase: PhaseName, fingerprint: str, folder: Path) -> StoredCheckpoint | None:
    """Lay out the newest checkpoint of a run in a new folder, every file verified.

    Args:
        store: where from.
        phase: of training.
        fingerprint: of the run.
        folder: where the run is to lie; it appears whole or not at all.

    Returns:
        What was brought; None if the store holds no checkpoint of the run.

    Raises:
        StaleError: the manifest is of another run or damaged, or a blob is.
        MovaError, UsageError: see `ArtifactStore`.
    """
    begins = _begins(phase, fingerprint)
    matches = (NAME.fullmatch(name.removeprefix(begins)) for name in store.manifests(KIND) if name.startswith(begins))
    steps = {int(match[1]): f"{begins}{match[0]}" for match in matches if match is not None}
    if not steps:
        return None
    name = steps[max(steps)]
    with atomic_folder(folder) as made, TemporaryDirectory(prefix="mova-checkpoint-") as temporary:
        path = Path(temporary) / MANIFEST_FILE
        path.write_bytes(store.get_manifest(KIND, name) or b"")
        stored, _ = read_manifest(path, StoredCheckpoint, f"remove manifest {KIND}/{name} from {store.address}")
        if stored.fingerprint != fingerprint:
            raise StaleError(f"manifest {KIND}/{name} in {store.address} is of another run: remove it")
        pull(store, made, stored.files)
    return stored


def _begins(phase: str, fingerprint: str) -> str:
    return f"{phase}-{fingerprint[:CHECKPOINT_ID_DIGITS]}-"


def _records(curves: Path, steps: int) -> bytes:
    """The records of the curves before a step, one a line."""
    lines = curves.read_bytes().splitlines(keepends=True)[:steps]
    if len(lines) < steps:
        raise StaleError(f"{curves} has {len(lines)} lines, a checkpoint beside it is at step {steps}: train again")
    return b"".join(lines)
