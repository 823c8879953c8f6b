"""What a checkpoint came from, as far as it lies in this project: its runs, the data, and the evaluations.

A folder or table that holds another version by now is no fault as long as the registry knows that one.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.orm import Session

from mova_core.registry.database.tables import Checkpoint, Dataset, Evaluation
from mova_core.registry.verify.check import Check, Fault, HashedFiles
from mova_core.storage.hashing import sha256_file
from mova_core.storage.manifest import MANIFEST_FILE, SHOWN_DIGITS, FileEntry, Files, Manifest, read_manifest

RECORD = "bring it back with git and `dvc checkout`, or record it with `mova registry sync` if it was made anew"


class Listed(Manifest):
    """The files of a training's checkpoint."""

    files: Files = Field({})


def run_checks(checkpoint: Checkpoint, root: Path, hashed: HashedFiles) -> Iterator[Check | Fault]:
    """The folder that training wrote, if it is still there."""
    if checkpoint.path is None:
        return
    folder = root / checkpoint.path
    manifest = folder / MANIFEST_FILE
    if not manifest.is_file() or sha256_file(manifest) != checkpoint.manifest_sha256:
        return  # removed, or of a later run
    remedy = f"bring {folder} back with `dvc checkout`, or remove it and train on from the checkpoint before"
    listed, _ = read_manifest(manifest, Listed, remedy)
    yield from (hashed.check(folder / name, entry, remedy) for name, entry in listed.files.items())


def data_checks(
    datasets: Collection[Dataset], known: Mapping[str, Collection[str]], root: Path, hashed: HashedFiles
) -> Iterator[Check]:
    """Tables and latents.

    Args:
        datasets: versions that something was trained on.
        known: sha256 of every version in the registry, by path.
        root: the project's folder.
        hashed: what was read already.
    """
    for dataset in datasets:
        path = root / dataset.path
        if not path.is_file():
            continue
        yield _one_of(path, known[dataset.path], hashed)
        if dataset.files and hashed.sha256(path) == dataset.sha256:
            entries = {name: FileEntry(**entry) for name, entry in dataset.files.items() if name != path.name}
            remedy = f"bring {path.parent} back with `dvc checkout`, or make it again with `dvc repro`"
            yield from (hashed.check(path.parent / name, entry, remedy) for name, entry in entries.items())


def evaluation_checks(
    session: Session, checkpoint: Checkpoint, known: Mapping[str, Collection[str]], root: Path, hashed: HashedFiles
) -> Iterator[Check | Fault]:
    """Files of its evaluations, and that the one that it was selected by is recorded; `known` as of `data_checks`."""
    query = sa.select(Evaluation).where(Evaluation.checkpoint_id == checkpoint.checkpoint_id)
    found = {evaluation.evaluation_id: evaluation for evaluation in session.scalars(query)}
    selected_by = (checkpoint.selection or {}).get("evaluation_sha256")
    if selected_by is not None and selected_by not in found:
        yield (
            f"checkpoint {checkpoint.checkpoint_id} was selected by evaluation {selected_by[:SHOWN_DIGITS]}, of which "
            "there is no row: run `mova registry sync`, or evaluate and select it again"
        )
    for evaluation in found.values():
        if (root / evaluation.path).is_file():
            yield _one_of(root / evaluation.path, known[evaluation.path], hashed)


def _one_of(path: Path, known: Collection[str], hashed: HashedFiles) -> Check:
    """Compare a file with all versions that were recorded of it."""

    def run() -> Fault | None:
        digest = hashed.sha256(path)
        return (
            None if digest in known else f"{path} has sha256 {digest[:SHOWN_DIGITS]}, which is not recorded: {RECORD}"
        )

    return Check(path.stat().st_size, run)
