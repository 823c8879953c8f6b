"""From training runs to the footage behind them: a run, its latents, their sources, and the clips of its phase."""

from typing import Any, TypeVar

import sqlalchemy as sa

from mova_core.registry.database.footage_tables import ClipSetPhase, DatasetSource, IndexedDataset, RunLatents
from mova_core.registry.database.tables import LATENTS, Run

Query = TypeVar("Query", bound=sa.Select[*tuple[Any, ...]])


def trained_on(query: Query) -> Query:
    """A query of columns of `Run`, with a row for each source (`DatasetSource`) that the run's phase trained on clips
    of; a source in several of its latents comes once for each."""
    of_phase = sa.and_(ClipSetPhase.set_key == DatasetSource.set_key, ClipSetPhase.phase == Run.phase)
    return (
        query.select_from(Run)
        .join(RunLatents, RunLatents.run_id == Run.run_id)
        .join(IndexedDataset, is_recorded())
        .join(DatasetSource, DatasetSource.dataset_key == IndexedDataset.dataset_key)
        .join(ClipSetPhase, of_phase)
    )


def is_recorded() -> sa.ColumnElement[bool]:
    """That a dataset whose footage is recorded is the latents of a row of `RunLatents`."""
    name = sa.literal(LATENTS) + RunLatents.geometry
    return sa.and_(IndexedDataset.sha256 == RunLatents.sha256, IndexedDataset.name == name)
