import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from mova_core.cli.main import command
from mova_core.curation.ingest.command import ingest
from mova_core.curation.tables import read_table
from mova_core.media.encode import write_media


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "footage").mkdir()
    images = [np.full((32, 32, 3), 8 * k, np.uint8) for k in range(20)]
    write_media(tmp_path / "footage/a.mp4", images, 10, np.zeros(32_000, np.float32), 16_000)
    (tmp_path / "params.yaml").write_text("ingest:\n  footage: footage\n")
    return tmp_path


def mova(*arguments):
    app = typer.Typer(rich_markup_mode=None)
    app.command("ingest")(command(ingest, "ingest"))
    return CliRunner().invoke(app, list(arguments))


def test_ingest_writes_the_table_of_a_folder(project):
    result = mova("--workers", "1", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["accepted"] == 1
    assert len(read_table(project / "data/sources.parquet", "sources")) == 1


def test_lock_writes_the_lock_and_nothing_else(project):
    result = mova("--lock", "footage")
    assert result.exit_code == 0, result.output
    assert "ingest.footage" in result.stdout
    assert [path.name for path in (project / "data").rglob("*")] == ["sources.lock"]
    (project / "params.yaml").write_text("ingest:\n  footage: data/sources.lock\n")
    assert mova("--workers", "1").exit_code == 0
    assert read_table(project / "data/sources.parquet", "sources")[0]["verdict"] == "accepted"


def test_missing_footage_is_one_sentence_and_exit_2(project):
    (project / "params.yaml").write_text("ingest:\n  footage: absent\n")
    result = mova()
    assert result.exit_code == 2
    assert "absent is missing" in result.stderr and "Traceback" not in result.stderr


def test_help_shows_an_example_and_explains_the_lock(project):
    text = " ".join(mova("--help").output.split())
    assert "Example: mova ingest" in text and "sources.lock" in text


@pytest.mark.parametrize("footage", ["s3://bucket/raw", "clips.txt"])
def test_a_bucket_or_a_list_in_params_has_to_be_locked(project, footage):
    (project / "params.yaml").write_text(f"ingest:\n  footage: {footage}\n")
    result = mova()
    assert result.exit_code == 2
    assert f"mova ingest --lock {footage}" in result.stderr and len(result.stderr.strip().splitlines()) == 1


def test_a_list_is_locked_and_what_vanished_since_is_named(project):
    (project / "footage/b.mp4").write_bytes(b"x")
    (project / "footage/list.txt").write_text("a.mp4\nb.mp4\n")
    assert mova("--lock", "footage/list.txt").exit_code == 0
    (project / "footage/list.txt").write_text("a.mp4\n")
    result = mova("--lock", "footage/list.txt")
    assert "vanished since the last lock: b.mp4" in result.stdout


def test_a_bucket_that_is_not_there_is_one_sentence_and_exit_2(project, objects):
    result = mova("--lock", "s3://no-such-bucket/raw")
    assert result.exit_code == 2
    assert "no bucket no-such-bucket" in result.stderr and len(result.stderr.strip().splitlines()) == 1
