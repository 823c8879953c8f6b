"""Lineage forward: everything that a file of the footage reached.

file → versions of the data → runs whose phase trained on clips of it → runs that started from a checkpoint of those,
and so on → checkpoints, evaluations, packages, aliases that ever named them, LoRA adapters beside them, the
deployment of this machine, and the clips that were served. Validation clips reach no weights: no run counts for them.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.model.lora.adapter import AdapterManifest
from mova_core.places import ADAPTERS, DEPLOYMENT
from mova_core.registry.database.bulk import batches
from mova_core.registry.database.footage_tables import (
    ClipSet,
    DatasetSource,
    IndexedDataset,
    SetClip,
    Source,
    SourcePath,
)
from mova_core.registry.database.tables import Alias, Artifact, Checkpoint, Dataset, Evaluation, Job, Promotion, Run
from mova_core.registry.lineage.trained_on import trained_on
from mova_core.storage.manifest import MANIFEST_FILE, read_manifest


class DatasetReached(NamedTuple):
    """A version of a dataset that has rows of the source; `clips` in a version of `clips` or latents."""

    name: str
    sha256: str
    path: str
    clips: int | None


class RunReached(NamedTuple):
    """A training run; `directly`: on clips of the source, else from a checkpoint that was."""

    run_id: str
    phase: str
    path: str
    directly: bool


class CheckpointReached(NamedTuple):
    """Weights."""

    checkpoint_id: str
    phase: str
    step: int | None
    path: str | None


class EvaluationReached(NamedTuple):
    """An evaluation of such weights."""

    evaluation_id: str
    checkpoint_id: str
    path: str


class ArtifactReached(NamedTuple):
    """A kept model or package."""

    artifact_id: str
    kind: str
    checkpoint_id: str
    path: str


class AliasReached(NamedTuple):
    """An alias that names such weights, or did."""

    name: str
    checkpoint_id: str
    now: bool


class ServedClip(NamedTuple):
    """A clip that a service made."""

    job_id: str
    checkpoint_id: str
    path: str | None
    sha256: str | None


class AdapterReached(NamedTuple):
    """A LoRA adapter; `directly`: trained on the file, else beside such weights."""

    path: str
    directly: bool


@dataclass(frozen=True, slots=True)
class Reached:
    """All that some sources reached.

    Args:
        sources: source_id -> paths inside the footage.
        clips: ids of the clips that were cut from them, windows of audio alone too.
        deployments: addresses of services of this machine.
    """

    sources: dict[str, list[str]]
    clips: tuple[str, ...]
    datasets: tuple[DatasetReached, ...]
    runs: tuple[RunReached, ...]
    checkpoints: tuple[CheckpointReached, ...]
    evaluations: tuple[EvaluationReached, ...]
    artifacts: tuple[ArtifactReached, ...]
    aliases: tuple[AliasReached, ...]
    adapters: tuple[AdapterReached, ...]
    deployments: tuple[str, ...]
    served: tuple[ServedClip, ...]

    def summary(self) -> dict[str, Any]:
        """For `--json`."""
        values = asdict(self)
        for name, value in values.items():
            if value and isinstance(value, tuple) and hasattr(value[0], "_asdict"):
                values[name] = [row._asdict() for row in value]
        return values


def forward(session: Session, source_ids: Collection[str], root: Path = Path()) -> Reached:
    """What these sources reached, together.

    Args:
        session: any session of the registry, in step with the folders (`sync`).
        source_ids: sha256 of the files; one that no dataset has reached nothing but adapters.
        root: the project's folder.
    """
    found = session.execute(
        sa.select(Source.source_id, Source.source_key, SourcePath.path)
        .outerjoin(SourcePath, SourcePath.source_key == Source.source_key)
        .where(Source.source_id.in_(source_ids))
        .order_by(SourcePath.path)
    ).all()
    keys = sorted({key for _, key, _ in found})
    paths = {one: [path for id_, _, path in found if id_ == one and path] for one in sorted(source_ids)}
    runs = _runs(session, keys)
    of_runs = _rows(session, CheckpointReached, Checkpoint, {run.run_id for run in runs})
    checkpoints = tuple(sorted(of_runs, key=lambda one: (one.phase, one.step or 0, one.checkpoint_id)))
    ids = {checkpoint.checkpoint_id for checkpoint in checkpoints}
    made = (~Job.smoke, Job.result_sha256.is_not(None))
    served = _rows(session, ServedClip, Job, ids, *made)
    return Reached(
        paths,
        _clips(session, keys),
        _datasets(session, keys),
        runs,
        checkpoints,
        tuple(sorted(_rows(session, EvaluationReached, Evaluation, ids))),
        tuple(sorted(_rows(session, ArtifactReached, Artifact, ids))),
        _aliases(session, ids),
        tuple(_adapters(source_ids, ids, root)),
        tuple(_deployments(ids, root)),
        tuple(sorted(served, key=lambda clip: clip.job_id)),
    )


def _runs(session: Session, keys: Collection[int]) -> tuple[RunReached, ...]:
    """Runs that trained on clips of the sources, and those that started from a checkpoint of such a run."""
    on_clips = trained_on(sa.select(Run.run_id, Run.phase, Run.path)).where(DatasetSource.source_key.in_(keys))
    direct = session.execute(on_clips.distinct())
    found = {run_id: RunReached(run_id, phase, path, True) for run_id, phase, path in direct}
    waiting = set(found)
    while waiting:
        later: dict[str, RunReached] = {}
        for some in batches(waiting):
            of_them = sa.select(Checkpoint.checkpoint_id).where(Checkpoint.run_id.in_(some))
            query = sa.select(Run.run_id, Run.phase, Run.path).where(Run.start_checkpoint.in_(of_them))
            rows = session.execute(query)
            later |= {run_id: RunReached(run_id, phase, path, False) for run_id, phase, path in rows}
        waiting = later.keys() - found.keys()
        found = later | found
    return tuple(sorted(found.values(), key=lambda run: (run.phase, run.run_id)))


def _rows(session: Session, kind: Any, table: Any, ids: Collection[str], *where: Any) -> Iterator[Any]:
    """Rows of a table that belong to reached checkpoints (checkpoints: to runs), as `kind`."""
    columns = {"path": "result_path", "sha256": "result_sha256"} if kind is ServedClip else {}
    query = sa.select(*(getattr(table, columns.get(name, name)) for name in kind._fields)).where(*where)
    belongs_to = table.run_id if table is Checkpoint else table.checkpoint_id
    for some in batches(ids):
        yield from (kind(*row) for row in session.execute(query.where(belongs_to.in_(some))))


def _clips(session: Session, keys: Collection[int]) -> tuple[str, ...]:
    sets = session.scalars(sa.select(DatasetSource.set_key).where(DatasetSource.source_key.in_(keys)).distinct())
    query = sa.select(SetClip.clip_id).where(SetClip.set_key.in_(list(sets))).distinct()
    return tuple(session.scalars(query.order_by(SetClip.clip_id)))


def _datasets(session: Session, keys: Collection[int]) -> tuple[DatasetReached, ...]:
    query = (
        sa.select(Dataset.name, Dataset.sha256, Dataset.path, sa.func.sum(ClipSet.clips))
        .join(IndexedDataset, sa.and_(IndexedDataset.name == Dataset.name, IndexedDataset.sha256 == Dataset.sha256))
        .join(DatasetSource, DatasetSource.dataset_key == IndexedDataset.dataset_key)
        .outerjoin(ClipSet, ClipSet.set_key == DatasetSource.set_key)
        .where(DatasetSource.source_key.in_(keys))
        .group_by(Dataset.name, Dataset.sha256, Dataset.path, IndexedDataset.dataset_key)
        .order_by(Dataset.name, IndexedDataset.dataset_key)
    )
    return tuple(DatasetReached(name, sha256, path, clips) for name, sha256, path, clips in session.execute(query))


def _aliases(session: Session, ids: Collection[str]) -> tuple[AliasReached, ...]:
    now = {(name, id_) for name, id_ in session.execute(sa.select(Alias.name, Alias.checkpoint_id))}
    query = sa.select(Promotion.alias, Promotion.checkpoint_id).where(Promotion.outcome == "promoted").distinct()
    named = sorted({(name, id_) for name, id_ in [*now, *session.execute(query)] if id_ in ids})
    return tuple(AliasReached(name, id_, (name, id_) in now) for name, id_ in named)


def _adapters(source_ids: Collection[str], ids: Collection[str], root: Path) -> Iterator[AdapterReached]:
    for path in sorted((root / ADAPTERS).rglob(MANIFEST_FILE)):
        manifest, _ = read_manifest(path, AdapterManifest)
        directly = not set(source_ids).isdisjoint(manifest.clips.values())
        if directly or manifest.base_checkpoint in ids:
            yield AdapterReached(path.parent.relative_to(root).as_posix(), directly)


def _deployments(ids: Collection[str], root: Path) -> Iterator[str]:
    path = root / DEPLOYMENT
    if path.is_file() and (record := json.loads(path.read_text())).get("checkpoint_id") in ids:
        yield f"{record['tag']} at {record['url']}"
