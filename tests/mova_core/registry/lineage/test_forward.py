"""From a file of the footage to everything it reached, and to nothing else."""

from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.errors import UsageError
from mova_core.model.lora.adapter import AdapterManifest
from mova_core.registry.aliases import set_alias
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import Job
from mova_core.registry.footage.find import find_source
from mova_core.registry.lineage.forward import Reached, forward
from mova_core.registry.promotion.log import append_promotion
from mova_core.registry.sync import sync
from mova_core.storage.manifest import write_manifest

A, B, SONG = "a" * 64, "b" * 64, "d" * 64


@pytest.fixture
def life(engine: sa.Engine, project: Any) -> tuple[str, str]:
    """Ids of the audio checkpoint and of the one of phase 1 that started from it, recorded."""
    latents = {"nano-32": project.curate(audio_alone=True)}
    audio = project.train("audio", latents=latents)
    checkpoint = project.train("phase1", start=audio, latents=latents)
    project.evaluate(checkpoint)
    sync(engine, project.root)
    return audio, checkpoint


def reach(engine: sa.Engine, project: Any, *source_ids: str) -> Reached:
    with reading(engine) as session:
        return forward(session, source_ids, project.root)


def test_a_source_reaches_what_was_trained_on_it_and_what_came_of_that(
    engine: sa.Engine, project: Any, life: tuple[str, str]
) -> None:
    found = reach(engine, project, A)
    assert (found.sources, found.clips) == ({A: ["a.mp4"]}, ("c0", "c2"))
    names = {"sources", "segments", "windows", "clips", "verdicts", "captions", "latents/nano-32"}
    assert {dataset.name for dataset in found.datasets} == names
    assert {dataset.name: dataset.clips for dataset in found.datasets}["latents/nano-32"] == 2
    assert [(run.run_id, run.directly) for run in found.runs] == [("audio-0", True), ("phase1-0", True)]
    assert set(life) <= {checkpoint.checkpoint_id for checkpoint in found.checkpoints}
    assert [evaluation.checkpoint_id for evaluation in found.evaluations] == [life[1]]


def test_a_run_from_weights_that_were_trained_on_it_is_reached_too(
    engine: sa.Engine, project: Any, life: tuple[str, str]
) -> None:
    found = reach(engine, project, SONG)  # of audio alone: phase 1 does not train on it
    assert [(run.run_id, run.directly) for run in found.runs] == [("audio-0", True), ("phase1-0", False)]


def test_validation_clips_reach_no_weights(engine: sa.Engine, project: Any) -> None:
    latents = {"nano-32": project.curate()}
    index = project.data.latents("nano-32") / "index.parquet"
    sync(engine, project.root)
    project.train("phase2", latents=latents)  # no clip is for that phase
    sync(engine, project.root)
    assert index.is_file() and reach(engine, project, A, B).runs == ()


def test_an_unknown_source_reaches_nothing(engine: sa.Engine, project: Any, life: tuple[str, str]) -> None:
    found = reach(engine, project, "e" * 64)
    assert (found.runs, found.datasets, found.served, found.clips) == ((), (), (), ())


def test_aliases_now_and_before_served_clips_and_adapters(
    engine: sa.Engine, project: Any, life: tuple[str, str]
) -> None:
    audio, checkpoint = life
    with writing(engine) as session:
        event = {"outcome": "promoted", "champion_id": None, "reason": "first", "evidence": {}}
        append_promotion(session, {"alias": "production", "checkpoint_id": audio, **event})
        set_alias(session, "production", checkpoint, None)
        for number, by in enumerate((checkpoint, "0" * 16)):
            made = {"checkpoint_id": by, "result_path": f"{number}.mp4", "result_sha256": str(number) * 64}
            session.add(Job(job_id=f"j{number}", status="completed", request={}, progress=100, created_at=1.0, **made))
    adapter = {"phase": "phase3", "fingerprint": "f" * 64, "base": {}, "base_checkpoint": "0" * 16, "clips": {"a": A}}
    adapter |= {"latents": "0" * 64, "params": {}, "seed": 0, "trained_on": []}
    for name, values in (("own", adapter), ("other", adapter | {"clips": {}})):
        path = project.root / f"models/lora/{name}/manifest.json"
        path.parent.mkdir(parents=True)
        write_manifest(path, AdapterManifest(**values))
    found = reach(engine, project, A)
    assert [tuple(alias) for alias in found.aliases] == sorted(
        [("production", audio, False), ("production", checkpoint, True)]
    )
    assert [clip.path for clip in found.served] == ["0.mp4"]
    assert [tuple(one) for one in found.adapters] == [("models/lora/own", True)]


def test_a_source_is_found_by_all_its_names(engine: sa.Engine, project: Any, life: tuple[str, str]) -> None:
    with reading(engine) as session:
        for name in (A, "a" * 8, "a.mp4"):
            assert find_source(session, name, project.root) == A
        with pytest.raises(UsageError, match="no source_id and no path of a recorded version"):
            find_source(session, "nobody.mp4", project.root)


def test_a_file_is_known_by_its_bytes_not_by_its_name(engine: sa.Engine, project: Any, life: tuple[str, str]) -> None:
    import hashlib

    (project.root / "a.mp4").write_bytes(b"other bytes")
    with reading(engine) as session:
        assert find_source(session, "a.mp4", project.root) == hashlib.sha256(b"other bytes").hexdigest()


def test_a_path_that_named_two_files_is_not_guessed(engine: sa.Engine, project: Any, life: tuple[str, str]) -> None:
    from mova_core.curation.tables import write_table

    rows = [{"source_id": "9" * 64, "path": "a.mp4", "verdict": "accepted"}]
    write_table(project.data.table("sources"), "sources", rows)
    sync(engine, project.root)
    with reading(engine) as session, pytest.raises(UsageError, match=f"names 2 files, by id {'9' * 64}, {A}"):
        find_source(session, "a.mp4", project.root)
