"""Whether a checkpoint was trained on footage that is taken down, itself or one that it was trained from."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import MovaError, StaleError
from mova_core.registry.database.footage_tables import ClipSetPhase, DatasetSource, IndexedDataset, RunLatents, Source
from mova_core.registry.database.tables import Checkpoint, Run
from mova_core.registry.footage.find import paths_of
from mova_core.registry.footage.read import LATENTS
from mova_core.registry.takedown.events import taken_down

SHORT = 12  # digits of an id


@dataclass(frozen=True, slots=True)
class TakenDownInput:
    """A file that is taken down and was trained on.

    Args:
        source_id: sha256 of its bytes.
        path: inside the footage.
        reason: why it is taken down.
        run_id: of the run that trained on it.
    """

    source_id: str
    path: str
    reason: str
    run_id: str

    def sentence(self) -> str:
        """For a message."""
        return (
            f"run {self.run_id} trained on {self.path} ({self.source_id[:SHORT]}), which is taken down: {self.reason}"
        )


def taken_down_inputs(session: Session, checkpoint_id: str) -> list[TakenDownInput]:
    """The files behind a checkpoint that are taken down now, by path.

    Args:
        session: any session of the registry, in step with the folders (`sync`).
        checkpoint_id: of the weights; what they were trained from counts as well.

    Raises:
        StaleError: something is taken down, and what a run behind the checkpoint trained on is not recorded.
    """
    reasons = taken_down(session)
    if not reasons:
        return []
    runs = _runs_behind(session, checkpoint_id)
    _check_recorded(session, checkpoint_id, runs)
    query = (
        sa.select(Source.source_id, Run.run_id)
        .join(DatasetSource, DatasetSource.source_key == Source.source_key)
        .join(IndexedDataset, IndexedDataset.dataset_key == DatasetSource.dataset_key)
        .join(RunLatents, RunLatents.sha256 == IndexedDataset.sha256)
        .join(Run, Run.run_id == RunLatents.run_id)
        .join(ClipSetPhase, sa.and_(ClipSetPhase.set_key == DatasetSource.set_key, ClipSetPhase.phase == Run.phase))
        .where(IndexedDataset.name == sa.literal(LATENTS) + RunLatents.geometry)
        .where(Source.source_id.in_(reasons), Run.run_id.in_(runs))
        .distinct()
    )
    found = []
    for source_id, run_id in session.execute(query):
        path = next(iter(paths_of(session, source_id)), "a file")
        found.append(TakenDownInput(source_id, path, reasons[source_id], run_id))
    return sorted(found, key=lambda one: (one.path, one.source_id, one.run_id))


def takedown_refusal(session: Session, checkpoint_id: str) -> str | None:
    """Why no alias may name a checkpoint, in the words after "because"; None if nothing speaks against it.

    A takedown is no matter of figures: it holds for a forced promotion and for a rollback too.
    """
    try:
        found = taken_down_inputs(session, checkpoint_id)
    except StaleError as unknown:
        return str(unknown)
    if not found:
        return None
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{found[0].sentence()}{more}; train again without it, after `dvc repro ingest`"


def check_taken_down(session: Session, checkpoint_id: str) -> None:
    """Refuse to name a checkpoint by an alias, whoever asks.

    Raises:
        MovaError: it was trained on footage that is taken down, or may have been.
    """
    if (reason := takedown_refusal(session, checkpoint_id)) is not None:
        raise MovaError(f"no alias may name checkpoint {checkpoint_id}: {reason}")


def _runs_behind(session: Session, checkpoint_id: str) -> list[str]:
    behind = sa.select(Checkpoint.run_id).where(Checkpoint.checkpoint_id == checkpoint_id).cte("behind", recursive=True)
    before = (
        sa.select(Checkpoint.run_id)
        .join(Run, Run.start_checkpoint == Checkpoint.checkpoint_id)
        .join(behind, behind.c.run_id == Run.run_id)
    )
    behind = behind.union(before)
    return list(
        session.scalars(sa.select(behind.c.run_id).where(behind.c.run_id.is_not(None)).order_by(behind.c.run_id))
    )


def _check_recorded(session: Session, checkpoint_id: str, runs: Collection[str]) -> None:
    recorded = sa.and_(
        IndexedDataset.sha256 == RunLatents.sha256, IndexedDataset.name == sa.literal(LATENTS) + RunLatents.geometry
    )
    query = sa.select(RunLatents).outerjoin(IndexedDataset, recorded)
    query = query.where(RunLatents.run_id.in_(runs), IndexedDataset.dataset_key.is_(None))
    unknown = session.scalars(query.order_by(RunLatents.run_id, RunLatents.geometry)).first()
    if unknown is not None:
        raise StaleError(
            f"which footage is in latents {unknown.geometry} {unknown.sha256[:SHORT]}, which run {unknown.run_id} "
            f"behind checkpoint {checkpoint_id} trained on, is not recorded, so nobody can tell whether it is taken "
            "down: bring their tables back (`dvc checkout` with its dvc.lock), then run `mova registry sync`"
        )
