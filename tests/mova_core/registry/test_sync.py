"""The registry is a record of the folders: the same whenever and however often it is made."""

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.errors import StaleError
from mova_core.registry.database.base import Base
from mova_core.registry.database.connection import open_database, reading, writing
from mova_core.registry.database.tables import Checkpoint, Dataset, Evaluation, Run
from mova_core.registry.sync import sync


def rows(engine: sa.Engine) -> dict[str, list[Any]]:
    """All that the registry holds, apart from the order of rows."""
    with engine.connect() as connection:
        tables = Base.metadata.sorted_tables
        return {table.name: sorted(map(repr, connection.execute(sa.select(table)))) for table in tables}


def whole(project: Any) -> str:
    """Fill every folder; returns the id of phase 1's checkpoint."""
    latents = {"nano-32": project.curate()}
    audio = project.train("audio", latents=latents)
    project.select(audio, project.evaluate(audio, "audio"), "audio")
    checkpoint = project.train("phase1", start=audio, latents=latents)
    project.select(checkpoint, project.evaluate(checkpoint))
    return str(checkpoint)


def test_every_folder_becomes_rows(engine: sa.Engine, project: Any) -> None:
    checkpoint_id = whole(project)
    summary = sync(engine, project.root)
    assert (summary["added"], summary["changed"], summary["skipped"]) == (8 + 2 + 4 + 2, 2, [])
    with reading(engine) as session:
        names = list(session.scalars(sa.select(Dataset.name).order_by(Dataset.name)))
        tables = ["captions", "clips", "rejects/ingest", "segments", "sources", "verdicts", "windows"]
        assert sorted(names) == sorted([*tables, "latents/nano-32"])
        run = session.get_one(Run, "phase1-0")
        latents = session.get_one(Dataset, ("latents/nano-32", run.latents["nano-32"]))
        assert session.get(Dataset, ("clips", latents.inputs["clips"])) is not None
        assert (latents.rows, latents.inputs["codec"]) == (4, "c" * 64)
        checkpoint = session.get_one(Checkpoint, checkpoint_id)
        assert (checkpoint.run_id, checkpoint.step, checkpoint.model_path) == ("phase1-0", 100, "models/phase1")
        assert checkpoint.path == "runs/phase1/checkpoints/step-000100"
        assert checkpoint.manifest_sha256 is not None and checkpoint.manifest_sha256.startswith(checkpoint_id)
        assert checkpoint.selection is not None
        evaluation = session.get_one(Evaluation, checkpoint.selection["evaluation_sha256"])
        assert evaluation.metrics["f1"]["value"] == 0.8
        assert session.get_one(Checkpoint, run.start_checkpoint).phase == "audio"


def test_a_second_time_changes_nothing(engine: sa.Engine, project: Any) -> None:
    whole(project)
    sync(engine, project.root)
    before = rows(engine)
    summary = sync(engine, project.root)
    assert (summary["added"], summary["changed"]) == (0, 0)
    assert rows(engine) == before


def test_an_empty_database_gets_the_same_rows(new_url: Callable[[], str], project: Any) -> None:
    whole(project)
    engines = [open_database(new_url()) for _ in range(2)]
    for engine in engines:
        sync(engine, project.root)
    assert rows(engines[0]) == rows(engines[1])
    for engine in engines:
        engine.dispose()


def test_what_was_before_stays(engine: sa.Engine, project: Any) -> None:
    old = project.candidate(seed=0)
    sync(engine, project.root)
    new = project.candidate(seed=1)
    sync(engine, project.root)
    with reading(engine) as session:
        assert session.get_one(Checkpoint, old).model_path is None  # the folder holds the new one
        assert session.get_one(Checkpoint, old).selection is not None
        assert session.get_one(Checkpoint, new).model_path == "models/phase1"
        assert len(session.scalars(sa.select(Run)).all()) == 2


def test_a_failed_selection_has_no_model(engine: sa.Engine, project: Any) -> None:
    checkpoint_id = project.candidate(seed=0, passed=False)
    sync(engine, project.root)
    with reading(engine) as session:
        checkpoint = session.get_one(Checkpoint, checkpoint_id)
        assert checkpoint.model_path is None and checkpoint.selection and not checkpoint.selection["passed"]


def test_an_evaluation_whose_run_is_gone_is_kept(engine: sa.Engine, project: Any) -> None:
    evaluation_id = project.evaluate("0123456789abcdef")
    sync(engine, project.root)
    with reading(engine) as session:
        assert session.get_one(Evaluation, evaluation_id).checkpoint_id == "0123456789abcdef"
        assert session.get_one(Checkpoint, "0123456789abcdef").run_id is None


def test_latents_whose_manifest_is_missing_or_of_another_index_are_passed_over(engine: sa.Engine, project: Any) -> None:
    project.curate()
    manifest = project.data.latents("nano-32") / "manifest.json"
    values = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(values | {"files": {"index.parquet": {"bytes": 1, "sha256": "0" * 64}}}))
    assert "changed after its manifest" in sync(engine, project.root)["skipped"][0]
    manifest.unlink()
    assert "is not finished" in sync(engine, project.root)["skipped"][0]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("runs/phase1/manifest.json", "run_id"),
        ("runs/phase1/manifest.json", "latents"),
        ("reports/evaluation/phase1/metrics.json", "suite"),
        ("models/phase1/selection.json", "evaluation_sha256"),
        ("data/latents/nano-32/manifest.json", "files"),
    ],
)
def test_a_missing_key_is_named_and_nothing_written(engine: sa.Engine, project: Any, path: str, key: str) -> None:
    whole(project)
    values = json.loads((project.root / path).read_text())
    del values[key]
    (project.root / path).write_text(json.dumps(values))
    with pytest.raises(StaleError, match=f"{path} cannot be read .*{key}"):
        sync(engine, project.root)
    assert not any(rows(engine).values())


@pytest.mark.parametrize("text", ["{", '{"value": NaN}', "[]", "\xff"])
def test_what_is_no_manifest_is_refused(engine: sa.Engine, project: Any, text: str) -> None:
    project.candidate(seed=0)
    (project.root / "runs/phase1/manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(StaleError, match=r"runs/phase1/manifest\.json cannot be read"):
        sync(engine, project.root)


def test_an_altered_checkpoint_is_refused(engine: sa.Engine, project: Any) -> None:
    checkpoint_id = project.candidate(seed=0)
    project.write("runs/phase1/checkpoints/step-000100/manifest.json", {"step": 100, "altered": True})
    with pytest.raises(StaleError, match=f"its run's manifest lists {checkpoint_id}"):
        sync(engine, project.root)


def test_a_pruned_checkpoint_is_no_fault(engine: sa.Engine, project: Any) -> None:
    project.candidate(seed=0)
    shutil.rmtree(project.root / "runs/phase1/checkpoints/step-000050")
    sync(engine, project.root)
    with reading(engine) as session:
        found = session.scalars(sa.select(Checkpoint).order_by(Checkpoint.step)).all()
        assert [checkpoint.manifest_sha256 is None for checkpoint in found] == [True, False]


def test_an_alias_survives_a_sync(engine: sa.Engine, project: Any) -> None:
    from mova_core.registry.aliases import get_alias, set_alias

    checkpoint_id = project.candidate(seed=0)
    sync(engine, project.root)
    with writing(engine) as session:
        set_alias(session, "production", checkpoint_id, None)
    sync(engine, project.root)
    with reading(engine) as session:
        assert get_alias(session, "production") == checkpoint_id
