"""The footage of a dataset as it was recorded: what `record_footage` was given, read back."""

from collections import defaultdict

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from mova_core.registry.database.footage_tables import (
    ClipSet,
    DatasetSource,
    IndexedDataset,
    NearDuplicate,
    SetClip,
    Source,
    SourcePath,
)
from mova_core.registry.footage.read import Clip, DatasetFootage, Row

CLIP_COLUMNS = (
    SetClip.clip_id,
    SetClip.sha256,
    SetClip.window_id,
    SetClip.start_s,
    SetClip.end_s,
    SetClip.split,
    SetClip.phases,
)


def dataset_key(session: Session, name: str, sha256: str) -> int | None:
    """Key of a dataset whose footage is recorded, None of another one."""
    query = sa.select(IndexedDataset.dataset_key)
    return session.scalar(query.where(IndexedDataset.sha256 == sha256, IndexedDataset.name == name))


def recorded_footage(session: Session, name: str, sha256: str) -> DatasetFootage | None:
    """The footage of one version of a dataset; None where it was not recorded.

    Paths and near duplicates are those of its sources in any version.
    """
    key = dataset_key(session, name, sha256)
    if key is None:
        return None
    of_dataset = sa.select(DatasetSource.source_key).where(DatasetSource.dataset_key == key)
    rows = session.execute(
        sa.select(Source.source_id, DatasetSource.path)
        .join(DatasetSource, DatasetSource.source_key == Source.source_key)
        .where(DatasetSource.dataset_key == key)
        .order_by(Source.source_id)
    )
    return DatasetFootage(
        name,
        sha256,
        {source_id: path for source_id, path in rows},
        _clips(session, key),
        _paths(session, of_dataset) if name == "sources" else (),
        _near_duplicates(session, of_dataset) if name == "near_duplicates" else [],
    )


def _clips(session: Session, key: int) -> dict[str, list[Clip]] | None:
    """Clips by source; None in a table that has none."""
    query = (
        sa.select(Source.source_id, *CLIP_COLUMNS)
        .join(ClipSet, ClipSet.set_key == SetClip.set_key)
        .join(Source, Source.source_key == ClipSet.source_key)
        .join(DatasetSource, DatasetSource.set_key == SetClip.set_key)
        .where(DatasetSource.dataset_key == key)
        .order_by(Source.source_id, SetClip.clip_id)
    )
    found: dict[str, list[Clip]] = defaultdict(list)
    for row in session.execute(query):
        found[row[0]].append(Clip(*row[1:]))
    return dict(found) or None


def _paths(session: Session, of_dataset: sa.Select[int]) -> tuple[tuple[str, str], ...]:
    query = sa.select(Source.source_id, SourcePath.path).join(Source, Source.source_key == SourcePath.source_key)
    rows = session.execute(
        query.where(SourcePath.source_key.in_(of_dataset)).order_by(Source.source_id, SourcePath.path)
    )
    return tuple((source_id, path) for source_id, path in rows)


def _near_duplicates(session: Session, of_dataset: sa.Select[int]) -> list[Row]:
    one, kept = aliased(Source), aliased(Source)
    values = (NearDuplicate.start_s, NearDuplicate.end_s, NearDuplicate.kept_start_s, NearDuplicate.is_copy)
    query = (
        sa.select(one.source_id.label("source_id"), kept.source_id.label("kept_source_id"), *values)
        .join(one, one.source_key == NearDuplicate.source_key)
        .join(kept, kept.source_key == NearDuplicate.kept_key)
        .where(NearDuplicate.source_key.in_(of_dataset), NearDuplicate.kept_key.in_(of_dataset))
        .order_by(one.source_id, kept.source_id, NearDuplicate.start_s, NearDuplicate.kept_start_s)
    )
    return [dict(row) for row in session.execute(query).mappings()]
