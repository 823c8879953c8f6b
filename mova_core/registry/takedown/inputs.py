"""Whether a checkpoint was trained on footage that is taken down, itself or one that it was trained from."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import MovaError, StaleError
from mova_core.registry.database.footage_tables import DatasetSource, IndexedDataset, RunLatents, Source
from mova_core.registry.database.tables import Run
from mova_core.registry.footage.find import paths_of
from mova_core.registry.lineage.origins import trained_from
from mova_core.registry.lineage.trained_on import is_recorded, trained_on
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
    runs = [run.run_id for _, run in trained_from(session, checkpoint_id) if run is not None]
    _check_recorded(session, checkpoint_id, runs)
    query = (
        trained_on(sa.select(Source.source_id, Run.run_id))
        .join(Source, Source.source_key == DatasetSource.source_key)
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


def _check_recorded(session: Session, checkpoint_id: str, runs: Collection[str]) -> None:
    query = sa.select(RunLatents).outerjoin(IndexedDataset, is_recorded())
    query = query.where(RunLatents.run_id.in_(runs), IndexedDataset.dataset_key.is_(None))
    unknown = session.scalars(query.order_by(RunLatents.run_id, RunLatents.geometry)).first()
    if unknown is not None:
        raise StaleError(
            f"which footage is in latents {unknown.geometry} {unknown.sha256[:SHORT]}, which run {unknown.run_id} "
            f"behind checkpoint {checkpoint_id} trained on, is not recorded, so nobody can tell whether it is taken "
            "down: bring their tables back (`dvc checkout` with its dvc.lock), then run `mova registry sync`"
        )
