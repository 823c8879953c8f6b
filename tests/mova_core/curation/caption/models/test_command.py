"""`mova caption` with models: refused in one sentence, killed at any moment, and the same bytes in the end."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from mova_core.cli.main import build_app
from tests.mova_core.curation.caption.models.clips_to_caption import MODELS, asked, visual

GOOD = visual("A man waves.")


@pytest.fixture
def project(data, models):
    """The folder of `data` with params."""
    values = {"ingest": {"footage": "footage"}, "caption": {"kind": "model", "models": MODELS}}
    values["caption"]["requests"] = {"at_once": 1}
    Path("params.yaml").write_text(yaml.safe_dump(values))
    return data


def test_without_an_endpoint_the_call_is_refused_in_one_sentence(project, monkeypatch):
    monkeypatch.delenv("MOVA_ALM_URL")
    done = CliRunner().invoke(build_app(), ["caption"])
    assert done.exit_code == 2
    (sentence,) = done.stderr.splitlines()
    assert "MOVA_ALM_URL is not set" in sentence


def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(project, models, server, run):
    reached = threading.Event()

    def until_the_last_clip(body):
        if len(asked(server, "visual_description")) < 3:
            return GOOD
        reached.set()
        server.over.wait(30)
        return GOOD

    models.visual_description = until_the_last_clip
    process = subprocess.Popen([Path(sys.executable).parent / "mova", "caption"], stderr=subprocess.DEVNULL)
    try:
        assert reached.wait(30)
    finally:
        process.kill()
        process.wait()
    assert not project.table("captions").exists()

    models.visual_description = GOOD
    before = len(server.asked)
    assert run()["model"] == 3
    names = [body["response_format"]["json_schema"]["name"] for body in server.asked[before:]]
    assert names == [
        "visual_description",
        "sound_description",
    ]  # the merge of equal tracks is known
    finished = project.table("captions").read_bytes()
    for path in sorted(Path(".mova").rglob("*.json")):
        path.unlink()
    assert run(requests={"at_once": 3})["model"] == 3
    assert project.table("captions").read_bytes() == finished
