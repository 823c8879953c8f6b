"""Which clips a phase trained on, and which files of the footage they were cut from, each with its sha256."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from mova_core.registry.database.footage_tables import (
    ClipSet,
    ClipSetPhase,
    DatasetSource,
    SetClip,
    Source,
)
from mova_core.registry.database.tables import Dataset
from mova_core.registry.footage.read import TRAIN
from mova_core.registry.footage.recorded import dataset_key

LISTED_FILES = 200
LISTED_CLIPS = 200


@dataclass(frozen=True, slots=True)
class FileUsed:
    """One file of the footage.

    Args:
        path: relative to the footage; None if the version of `sources` is not recorded.
        sha256: its source_id.
        count: how many clips of it.
        clips: id and sha256 of each clip cut from it, of the first files only; of a window of audio alone, which is no
            file, that of the file.
    """

    path: str | None
    sha256: str
    count: int
    clips: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FootageUsed:
    """The footage behind latents.

    Args:
        files, clips: how many.
        listed: files by path; where there are more than asked for, those that were recorded first.
    """

    files: int
    clips: int
    listed: tuple[FileUsed, ...]


def footage_used(
    session: Session, latents: Dataset, phase: str | None, limit: int | None = LISTED_FILES
) -> FootageUsed | None:
    """Files behind the latents, by path.

    Args:
        session: any session of the registry.
        latents: row of the latents.
        phase: count only the clips that this phase trains on; None counts all.
        limit: how many files to list; None lists all.

    Returns:
        The files; None if the footage of these latents is not recorded.
    """
    key = dataset_key(session, latents.name, latents.sha256)
    if key is None:
        return None
    in_latents, in_sources = DatasetSource, aliased(DatasetSource)
    counted: Any = ClipSet.clips if phase is None else ClipSetPhase.clips
    query = sa.select(in_sources.path, Source.source_id, counted, in_latents.set_key)
    query = query.join(Source, Source.source_key == in_latents.source_key).where(in_latents.dataset_key == key)
    if phase is None:
        query = query.join(ClipSet, ClipSet.set_key == in_latents.set_key)
    else:
        query = query.join(ClipSetPhase, ClipSetPhase.set_key == in_latents.set_key).where(ClipSetPhase.phase == phase)
    sources = sources_key(session, latents)
    beside = sa.and_(in_sources.source_key == in_latents.source_key, in_sources.dataset_key == sources)
    whole = query.outerjoin(in_sources, beside)
    files, clips = session.execute(query.with_only_columns(sa.func.count(), sa.func.sum(counted))).one()
    rows = session.execute(whole.order_by(in_latents.source_key).limit(limit)).all()  # by path would sort them all
    rows = sorted(rows, key=lambda row: (row[0] or "", row[1]))
    clips_of = _clips(session, rows, phase)
    listed = (FileUsed(path, sha256, count, _named(clips_of[set_key], sha256)) for path, sha256, count, set_key in rows)
    return FootageUsed(files, clips or 0, tuple(listed))


def sources_key(session: Session, latents: Dataset) -> int | None:
    """Key of the version of `sources` that latents, or a table of `clips`, come from; None if it is not recorded."""
    dataset: Dataset | None = latents
    for name in ("segments", "sources") if latents.name == "clips" else ("clips", "segments", "sources"):
        sha256 = None if dataset is None else dataset.inputs.get(name)
        dataset = None if sha256 is None else session.get(Dataset, (name, sha256))
    return None if dataset is None else dataset_key(session, dataset.name, dataset.sha256)


def _clips(session: Session, rows: Iterable[Any], phase: str | None) -> dict[int, list[tuple[str, str | None]]]:
    """Id and sha256 of the clips of the first files, as many as are listed."""
    found: dict[int, list[tuple[str, str | None]]] = defaultdict(list)
    wanted, room = [], LISTED_CLIPS
    for _, _, count, set_key in rows:
        if (room := room - count) < 0:
            break
        wanted.append(set_key)
    query = sa.select(SetClip.set_key, SetClip.clip_id, SetClip.sha256, SetClip.split, SetClip.phases)
    query = query.where(SetClip.set_key.in_(wanted)).order_by(SetClip.clip_id)
    for set_key, clip_id, sha256, split, phases in session.execute(query):
        if phase is None or (split == TRAIN and phase in (phases or "").split(",")):
            found[set_key].append((clip_id, sha256))
    return found


def _named(clips: Iterable[tuple[str, str | None]], source_id: str) -> tuple[tuple[str, str], ...]:
    return tuple((clip_id, sha256 or source_id) for clip_id, sha256 in clips)
