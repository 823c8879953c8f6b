"""Whatever was altered, swapped or lost is told with what to do; a registry as it was recorded has no fault."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner

from mova_core.cli.main import command
from mova_core.cli.registry.verify import verify as verify_command
from mova_core.evaluation.promote import promote
from mova_core.places import ARTIFACTS
from mova_core.registry.aliases import set_alias
from mova_core.registry.database.connection import writing
from mova_core.registry.sync import sync
from mova_core.registry.verify.verify import FaultsFound, verify


@pytest.fixture(autouse=True)
def champion(project: Any, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> str:
    """A champion trained on curated clips, from an earlier phase's checkpoint."""
    monkeypatch.chdir(project.root)
    index = project.curate()
    start = project.train("audio", latents={"nano-32": index})
    checkpoint_id = str(project.train("phase1", 1, start, {"nano-32": index}))
    project.select(checkpoint_id, project.evaluate(checkpoint_id))
    assert promote(engine, "models/phase1", "production").outcome == "promoted"
    return checkpoint_id


def rewrite(path: Path, content: bytes) -> None:
    """Give a file other bytes, whoever else shares its present ones."""
    path.unlink()
    path.write_bytes(content)


def only(pattern: str) -> Path:
    (path,) = Path().glob(pattern)
    return path


def fault(engine: sa.Engine, *words: str) -> str:
    """The one fault that is found; it holds these words and says what to do."""
    (sentence,) = verify(engine).faults
    assert all(word in sentence for word in words), sentence
    assert ": " in sentence
    return sentence


def weights_of(checkpoint_id: str) -> str:
    """Sha256 of the only weights that the model of a checkpoint has here."""
    return hashlib.sha256(checkpoint_id.encode()).hexdigest()


def test_all_as_recorded(engine: sa.Engine, champion: str) -> None:
    found = verify(engine)
    assert found.faults == [] and found.checkpoints == 2 and found.events == 1 and found.files > 8
    assert "all as recorded; the log of 1 promotions is whole" in found.summary()["text"]
    assert verify(engine, champion[:8]).faults == [] and verify(engine, "production").files == found.files


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        (f"{ARTIFACTS}/models/*/weights.safetensors", "remove"),
        (f"{ARTIFACTS}/models/*/selection.json", "remove"),
        ("data/clips.parquet", "dvc checkout"),
        ("data/latents/nano-32/index.parquet", "dvc checkout"),
        ("reports/evaluation/phase1/metrics.json", "mova registry sync"),
    ],
)
def test_other_bytes_are_found_by_name(engine: sa.Engine, pattern: str, told: str) -> None:
    path = only(pattern)
    rewrite(path, path.read_bytes()[:-1] + b"?")
    fault(engine, path.name, "sha256", told)


def test_a_blob_that_is_gone_or_a_link_and_a_manifest_that_was_swapped(engine: sa.Engine, champion: str) -> None:
    blob = only(f"{ARTIFACTS}/blobs/*/{weights_of(champion)}")
    blob.rename("elsewhere")
    fault(engine, "is missing or no file", f"promote {champion} again")
    os.symlink(Path("elsewhere").absolute(), blob)
    fault(engine, "is missing or no file")
    blob.unlink()
    Path("elsewhere").rename(blob)
    manifest = only(f"{ARTIFACTS}/manifests/models/*")
    whole = manifest.read_bytes()
    rewrite(manifest, json.dumps({"checkpoint_id": champion, "files": {}}).encode())
    fault(engine, "it was swapped")
    rewrite(manifest, whole)
    manifest.rename("elsewhere")
    fault(engine, f"manifests/models/{champion}", "is missing", "backup")


def test_a_file_slipped_into_a_kept_folder(engine: sa.Engine) -> None:
    (only(f"{ARTIFACTS}/models/*") / "more.pkl").write_bytes(b"")
    fault(engine, "more.pkl is in no manifest", "remove")


def test_a_row_that_contradicts_its_manifest_and_an_evaluation_without_a_row(engine: sa.Engine, champion: str) -> None:
    with engine.begin() as connection:
        size = connection.exec_driver_sql("SELECT bytes FROM artifacts").scalar()
        connection.exec_driver_sql("UPDATE artifacts SET bytes = 17")
    fault(engine, "17 bytes", "the row was altered")
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE artifacts SET bytes = {size}")
        connection.exec_driver_sql("DELETE FROM evaluations")
    fault(engine, f"checkpoint {champion} was selected by evaluation", "`mova registry sync`")


def test_an_alias_that_was_moved_past_the_log_or_names_nothing_that_is_kept(engine: sa.Engine, project: Any) -> None:
    project.select(other := project.train("phase2", 5), "e" * 64, "phase2")
    sync(engine)
    with writing(engine) as session:
        set_alias(session, "staging", other, None)
    found = verify(engine).faults
    assert [word in " ".join(found) for word in ("the log never promoted it", "no model is kept")] == [True, True]


def test_every_broken_event_of_the_log_is_told(
    engine: sa.Engine, project: Any, drop_triggers: Callable[[], None]
) -> None:
    for seed in (2, 3):
        project.candidate(seed)
        promote(engine, "models/phase1", "production")
    drop_triggers()
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE promotions SET reason = 'because' WHERE event_id = 2")
    fault(engine, "event 2 of the log of promotions (production) was altered", "backup")
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM promotions WHERE event_id = 1")
    assert len(verify(engine).faults) == 2


def test_a_later_version_of_data_or_run_is_no_fault(engine: sa.Engine, project: Any) -> None:
    project.curate(audio_alone=True)
    project.candidate(7)
    sync(engine)
    assert verify(engine).faults == []
    shutil.rmtree("data")
    shutil.rmtree("runs")
    assert verify(engine).faults == []


def test_the_store_of_several_machines_is_read_too(engine: sa.Engine, tmp_path: Path, champion: str) -> None:
    Path("params.yaml").write_text(f"registry: {{store: {tmp_path}/shared}}\npromote: {{smoke_clip: false}}\n")
    promote(engine, "models/phase1", "staging")
    assert verify(engine).faults == []
    (blob,) = (tmp_path / "shared/blobs").glob(f"*/{weights_of(champion)}")
    rewrite(blob, b"sixteen others!!")
    fault(engine, str(blob), champion)


def test_the_command_exits_1_with_a_sentence_for_each_fault(
    engine: sa.Engine, registry_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOVA_DATABASE_URL", registry_url)
    app = typer.Typer()
    app.command("verify")(command(verify_command, "registry verify"))
    assert CliRunner().invoke(app, []).exit_code == 0
    rewrite(only(f"{ARTIFACTS}/models/*/weights.safetensors"), b"sixteen others!!")
    rewrite(Path("data/clips.parquet"), b"")
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 1 and "2 faults in" in result.stderr
    told = json.loads(CliRunner().invoke(app, ["--json"]).stdout)
    assert len(told["faults"]) == 2 and told["exit_code"] == 1
    with pytest.raises(FaultsFound):
        verify(engine).summary()
