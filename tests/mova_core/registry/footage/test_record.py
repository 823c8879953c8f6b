"""The footage of every version of the data is recorded once, exactly, and told where it cannot be."""

from typing import Any

import sqlalchemy as sa

from mova_core.curation.tables import read_table, table_inputs, write_table
from mova_core.registry.database.connection import reading
from mova_core.registry.database.footage_tables import ClipSet, DatasetSource, NearDuplicate, SetClip, SourcePath
from mova_core.registry.database.tables import Dataset
from mova_core.registry.lineage.footage_used import footage_used
from mova_core.registry.sync import sync


def count(engine: sa.Engine, table: Any) -> int:
    with reading(engine) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def add_a_file(project: Any) -> None:
    """Another file with one clip in `clips`, everything else as it was."""
    table = project.data.table("clips")
    clips, inputs = read_table(table, "clips"), table_inputs(table)
    clips.append(clips[0] | {"clip_id": "c9", "source_id": "9" * 64, "window_id": "w9"})
    write_table(table, "clips", clips, inputs)


def test_a_version_that_adds_a_file_shares_the_clips_of_the_others(engine: sa.Engine, project: Any) -> None:
    project.curate()
    assert sync(engine, project.root)["indexed"] == 7  # sources, segments, windows, clips, verdicts, captions, latents
    assert sync(engine, project.root)["indexed"] == 0
    clips, sets, rows = count(engine, SetClip), count(engine, ClipSet), count(engine, DatasetSource)
    assert (clips, sets) == (4 + 4, 2 + 2)  # of `clips`, and with phases of latents
    add_a_file(project)
    sync(engine, project.root)
    assert (count(engine, SetClip), count(engine, ClipSet)) == (clips + 1, sets + 1)
    assert count(engine, DatasetSource) == rows + 3


def test_latents_of_another_version_of_clips_are_told_and_recorded_later(engine: sa.Engine, project: Any) -> None:
    latents = project.curate()
    table = project.data.table("clips")
    clips, inputs, whole = read_table(table, "clips"), table_inputs(table), table.read_bytes()
    write_table(table, "clips", clips[:1], inputs)
    told = sync(engine, project.root)["skipped"]
    assert any("data/latents/nano-32/index.parquet" in reason and "dvc checkout" in reason for reason in told)
    with reading(engine) as session:
        dataset = session.get_one(Dataset, ("latents/nano-32", latents))
        assert footage_used(session, dataset, None) is None  # not known, which is not none
    table.write_bytes(whole)
    assert sync(engine, project.root)["skipped"] == []
    with reading(engine) as session:
        used = footage_used(session, session.get_one(Dataset, ("latents/nano-32", latents)), "phase1")
        assert used is not None and (used.files, used.clips) == (2, 2)


def test_paths_of_duplicates_and_shared_intervals_are_kept(engine: sa.Engine, project: Any) -> None:
    data = project.data
    rows = [
        {"source_id": "a" * 64, "path": "a.mp4", "verdict": "accepted"},
        {"source_id": "a" * 64, "path": "copy.mp4", "verdict": "rejected", "reason_code": "duplicate"},
        {"source_id": None, "path": "unreadable.mp4", "verdict": "rejected"},
    ]
    write_table(data.table("sources"), "sources", rows)
    shared = {"source_id": "b" * 64, "kept_source_id": "a" * 64, "group_id": "a" * 64, "is_copy": True}
    shared |= {"start_s": 1.0, "end_s": 3.0, "kept_start_s": 0.0, "frames": "same"}
    write_table(data.table("near_duplicates"), "near_duplicates", [shared])
    sync(engine, project.root)
    with reading(engine) as session:
        assert sorted(session.scalars(sa.select(SourcePath.path))) == ["a.mp4", "copy.mp4"]
        (found,) = session.scalars(sa.select(NearDuplicate))
        assert (found.start_s, found.end_s, found.kept_start_s, found.is_copy) == (1.0, 3.0, 0.0, True)


def test_a_table_of_another_layout_is_told(engine: sa.Engine, project: Any) -> None:
    write_table(project.data.table("clips"), "rejects", [])
    (told,) = sync(engine, project.root)["skipped"]
    assert "data/clips.parquet is not a table clips of this version" in told
