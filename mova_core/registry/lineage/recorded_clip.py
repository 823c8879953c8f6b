"""One clip of the training data, or window of audio alone, by its id, as the newest recorded versions have it."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.registry.database.footage_tables import ClipSet, DatasetSource, IndexedDataset, SetClip, Source
from mova_core.registry.database.tables import LATENTS, Dataset
from mova_core.registry.lineage.footage_used import sources_key
from mova_core.registry.lineage.training_clip import AudioWindow, TrainingClip


def recorded_clip(session: Session, clip_id: str) -> TrainingClip | AudioWindow | None:
    """The clip of that id, None if no dataset that is recorded lists it.

    Args:
        session: any session of the registry.
        clip_id: as `clips` or latents have it.
    """
    clips = {clip.set_key: clip for clip in session.scalars(sa.select(SetClip).where(SetClip.clip_id == clip_id))}
    sources = sa.select(ClipSet.set_key, Source).join(Source, Source.source_key == ClipSet.source_key)
    source_of = {key: source for key, source in session.execute(sources.where(ClipSet.set_key.in_(clips)))}
    versions: Any = (  # keys are of clips, so never null
        sa.select(DatasetSource.set_key, IndexedDataset)
        .join(IndexedDataset, IndexedDataset.dataset_key == DatasetSource.dataset_key)
        .where(DatasetSource.source_key.in_({source.source_key for source in source_of.values()}))
        .where(DatasetSource.set_key.in_(clips))
        .order_by(IndexedDataset.dataset_key)
    )
    newest = {dataset.name: (clips[key], dataset, source_of[key]) for key, dataset in session.execute(versions)}
    if not newest:
        return None
    latents = [clip for name, (clip, _, _) in newest.items() if name.startswith(LATENTS)]
    phases = tuple(sorted({phase for clip in latents for phase in (clip.phases or "").split(",") if phase}))
    clip, dataset, source = newest.get("clips") or next(iter(newest.values()))
    path = _path(session, dataset, source.source_key)
    cut_s = None if clip.start_s is None or clip.end_s is None else (clip.start_s, clip.end_s)
    if clip.sha256 is None or clip.window_id is None:
        assert cut_s is not None
        return AudioWindow(clip_id, clip.split, None, cut_s, source.source_id, path, phases)
    table_sha256 = dataset.sha256 if dataset.name == "clips" else _clips_of(session, dataset)
    facts = clip.split, phases, clip.window_id, cut_s, source.source_id, path, table_sha256
    return TrainingClip(clip_id, clip.sha256, *facts)


def _path(session: Session, dataset: IndexedDataset, source_key: int) -> str | None:
    version = sources_key(session, session.get_one(Dataset, (dataset.name, dataset.sha256)))
    row = None if version is None else session.get(DatasetSource, (version, source_key))
    return None if row is None else row.path


def _clips_of(session: Session, latents: IndexedDataset) -> str:
    sha256: str = session.get_one(Dataset, (latents.name, latents.sha256)).inputs["clips"]
    return sha256
