"""Footage of datasets into the registry, in bulk; what is there already stays as it is."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from mova_core.registry.database.bulk import batches, insert_rows
from mova_core.registry.database.footage_tables import (
    ClipSet,
    ClipSetPhase,
    DatasetSource,
    IndexedDataset,
    NearDuplicate,
    RunLatents,
    SetClip,
    Source,
    SourcePath,
)
from mova_core.registry.database.tables import Checkpoint, Run
from mova_core.registry.footage.read import TRAIN, Clip, DatasetFootage
from mova_core.registry.footage.recorded import dataset_key


def indexed(session: Session) -> set[tuple[str, str]]:
    """Name and sha256 of the datasets whose footage is recorded."""
    return {(name, sha256) for name, sha256 in session.execute(sa.select(IndexedDataset.name, IndexedDataset.sha256))}


def record_footage(session: Session, dataset: DatasetFootage) -> None:
    """Record the footage of one dataset, whose own row is there; nothing if it is recorded already.

    Args:
        session: a session that writes and holds the lock of `sync`, under which keys are counted up.
        dataset: what was read of it.
    """
    if dataset_key(session, dataset.name, dataset.sha256) is not None:
        return
    named = {source_id for source_id, _ in dataset.paths} | dataset.sources.keys()
    sources = _source_keys(session, named)
    sets = _set_keys(session, sources, dataset.clips or {})
    key = _last(session, IndexedDataset.dataset_key) + 1
    insert_rows(session, IndexedDataset, [(key, dataset.name, dataset.sha256)])
    rows = sorted((sources[source_id], path, sets.get(source_id)) for source_id, path in dataset.sources.items())
    insert_rows(session, DatasetSource, ((key, *row) for row in rows))
    _add_paths(session, {(sources[source_id], path) for source_id, path in dataset.paths})
    _add_near_duplicates(session, sources, dataset.near_duplicates)


def refresh_statistics(session: Session) -> None:
    """Let PostgreSQL look at the tables again: after so many new rows it would read them all to find one."""
    if session.get_bind().dialect.name == "postgresql":
        footage = (Source, SourcePath, IndexedDataset, ClipSet, ClipSetPhase, SetClip, DatasetSource, NearDuplicate)
        session.execute(
            sa.text(f"ANALYZE {', '.join(table.__tablename__ for table in (*footage, Run, RunLatents, Checkpoint))}")
        )


def _source_keys(session: Session, ids: Collection[str]) -> dict[str, int]:
    keys = _known(session, Source.source_id, Source.source_key, ids)
    new = sorted(set(ids) - keys.keys())
    added = dict(zip(new, range(_last(session, Source.source_key) + 1, 2**31), strict=False))
    insert_rows(session, Source, ((key, source_id) for source_id, key in added.items()))
    return keys | added


def _set_keys(session: Session, sources: Mapping[str, int], clips: Mapping[str, list[Clip]]) -> dict[str, int]:
    """Key of each source's set of clips; sets that no version had before are added."""
    contents = {source_id: sorted(clips[source_id]) for source_id in sorted(clips)}
    digests = {source_id: _digest(source_id, content) for source_id, content in contents.items()}
    keys = _known(session, ClipSet.digest, ClipSet.set_key, set(digests.values()))
    new = [source_id for source_id, digest in digests.items() if digest not in keys]
    first = _last(session, ClipSet.set_key) + 1
    added = {digests[source_id]: first + number for number, source_id in enumerate(new)}
    rows = ((added[digests[one]], digests[one], sources[one], len(contents[one])) for one in new)
    insert_rows(session, ClipSet, rows)
    insert_rows(session, ClipSetPhase, _phases(new, digests, added, contents))
    members = ((clip.clip_id, added[digests[one]], *clip[1:]) for one in new for clip in contents[one])
    insert_rows(session, SetClip, members)
    keys |= added
    return {source_id: keys[digest] for source_id, digest in digests.items()}


def _phases(
    new: list[str], digests: Mapping[str, str], keys: Mapping[str, int], contents: Mapping[str, list[Clip]]
) -> Iterator[tuple[int, str, int]]:
    for one in new:
        trained = (clip.phases.split(",") for clip in contents[one] if clip.phases and clip.split == TRAIN)
        counts = Counter(phase for phases in trained for phase in phases)
        yield from ((keys[digests[one]], phase, count) for phase, count in sorted(counts.items()))


def _digest(source_id: str, clips: list[Clip]) -> str:
    return hashlib.sha256(json.dumps([source_id, clips], separators=(",", ":")).encode()).hexdigest()


def _add_paths(session: Session, paths: Collection[tuple[int, str]]) -> None:
    known: set[tuple[int, str]] = set()
    for some in batches({key for key, _ in paths}):
        found = session.execute(
            sa.select(SourcePath.source_key, SourcePath.path).where(SourcePath.source_key.in_(some))
        )
        known |= {(key, path) for key, path in found}
    insert_rows(session, SourcePath, sorted(set(paths) - known))


def _add_near_duplicates(session: Session, sources: Mapping[str, int], rows: Iterable[Mapping[str, Any]]) -> None:
    columns = (NearDuplicate.source_key, NearDuplicate.kept_key, NearDuplicate.start_s, NearDuplicate.kept_start_s)
    intervals: dict[tuple[Any, ...], tuple[float, bool]] = {}
    for row in rows:
        ends = sources[row["source_id"]], sources[row["kept_source_id"]]
        intervals[*ends, row["start_s"], row["kept_start_s"]] = row["end_s"], row["is_copy"]
    for some in batches({key[0] for key in intervals}):
        for known in session.execute(sa.select(*columns).where(NearDuplicate.source_key.in_(some))):
            intervals.pop(tuple(known), None)
    insert_rows(session, NearDuplicate, ((*key, *value) for key, value in sorted(intervals.items())))


def _known(
    session: Session, name: InstrumentedAttribute[str], key: InstrumentedAttribute[int], wanted: Collection[str]
) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in batches(wanted):
        found |= {each: number for each, number in session.execute(sa.select(name, key).where(name.in_(some)))}
    return found


def _last(session: Session, key: InstrumentedAttribute[int]) -> int:
    return session.scalar(sa.select(sa.func.max(key))) or 0
