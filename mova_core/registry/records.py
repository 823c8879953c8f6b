"""Rows from manifests: recording the same thing twice changes nothing."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.registry.database.base import Base
from mova_core.registry.database.footage_tables import RunLatents
from mova_core.registry.database.tables import Checkpoint, Dataset, Evaluation, Run
from mova_core.registry.manifests import EvaluationManifest, RunManifest, Selection

Changes = Counter[str]  # "added", "changed", "same"


def record_dataset(session: Session, changes: Changes, key: tuple[str, str], values: dict[str, Any]) -> None:
    """Record one version of a table or of latents.

    Args:
        session: a session that writes.
        changes: counted up.
        key: name and sha256.
        values: path, rows, bytes, inputs, files.
    """
    _upsert(session, changes, Dataset, {"name": key[0], "sha256": key[1]}, values)


def record_run(
    session: Session, changes: Changes, run: RunManifest, manifest_sha256: str, path: str, manifests: dict[str, str]
) -> None:
    """Record a run and its checkpoints.

    Args:
        session: a session that writes.
        changes: counted up.
        run: its manifest.
        manifest_sha256: of that manifest.
        path: the run's folder.
        manifests: sha256 of the manifest of each checkpoint that is there, by checkpoint id.
    """
    values = run.model_dump(exclude={"run_id", "checkpoints"})
    _upsert(session, changes, Run, {"run_id": run.run_id}, values | {"path": path, "manifest_sha256": manifest_sha256})
    record_latents(session, run.run_id, run.latents)
    for entry in run.checkpoints:
        found = {"manifest_sha256": manifests[entry.id]} if entry.id in manifests else {}
        values = {"run_id": run.run_id, "phase": run.phase, "step": entry.step, "path": entry.path}
        _upsert(session, changes, Checkpoint, {"checkpoint_id": entry.id}, values | found)


def record_latents(session: Session, run_id: str, latents: Mapping[str, str]) -> None:
    """Record what a run was trained on in rows of their own; the run has its row already.

    Args:
        session: a session that writes.
        run_id: of the run.
        latents: sha256 of the index by geometry.
    """
    for row in session.scalars(sa.select(RunLatents).where(RunLatents.run_id == run_id)):
        if row.geometry not in latents:
            session.delete(row)
    for geometry, sha256 in latents.items():
        session.merge(RunLatents(run_id=run_id, geometry=geometry, sha256=sha256))
    session.flush()


def record_selection(session: Session, changes: Changes, selection: Selection, path: str) -> None:
    """Record which checkpoint a model folder holds, and how it was judged.

    Args:
        session: a session that writes.
        changes: counted up.
        selection: its selection.json.
        path: the model folder.
    """
    stale = sa.select(Checkpoint).where(
        Checkpoint.model_path == path, Checkpoint.checkpoint_id != selection.checkpoint_id
    )
    for checkpoint in session.scalars(stale):  # the folder held another one before
        checkpoint.model_path = None
        changes["changed"] += 1
    values = {
        "phase": selection.phase,
        "manifest_sha256": selection.manifest_sha256,
        "model_path": path if selection.passed else None,
        "selection": selection.model_dump(),
    }
    _upsert(session, changes, Checkpoint, {"checkpoint_id": selection.checkpoint_id}, values)


def record_evaluation(
    session: Session, changes: Changes, evaluation: EvaluationManifest, evaluation_id: str, path: str
) -> None:
    """Record one evaluation; a checkpoint that nobody mentioned yet gets a row of its own.

    Args:
        session: a session that writes.
        changes: counted up.
        evaluation: its metrics.json.
        evaluation_id: sha256 of that file.
        path: of that file.
    """
    key = {"checkpoint_id": evaluation.checkpoint_id}
    _upsert(session, changes, Checkpoint, key, {"phase": evaluation.phase})
    values = evaluation.model_dump(exclude={"clips_sha256"}) | {"path": path}
    _upsert(session, changes, Evaluation, {"evaluation_id": evaluation_id}, values)


def _upsert(session: Session, changes: Changes, table: type[Base], key: dict[str, str], values: dict[str, Any]) -> None:
    row = session.get(table, tuple(key.values()) if len(key) > 1 else next(iter(key.values())))
    if row is None:
        session.add(table(**key, **values))
        session.flush()  # at once: later rows refer to it
        changes["added"] += 1
        return
    different = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in different.items():
        setattr(row, name, value)
    changes["changed" if different else "same"] += 1
