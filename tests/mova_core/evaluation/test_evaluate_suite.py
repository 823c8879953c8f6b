"""`mova evaluate --checkpoint REF --suite NAME`: clips generated, then measured; the same bytes on a rerun."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mova_core.cli.main import build_app
from mova_core.curation.tables import write_table
from mova_core.evaluation.suites.captioned import CAPTION_OF
from mova_core.media.provenance import read_provenance
from mova_core.model.single_thread import single_thread
from mova_core.places import DataFolder
from mova_core.registry.manifests import checkpoint_id_of
from tests.mova_core.endpoints.model_server import caption, completion

PARAMS = "evaluate: {metrics: [loudness_lufs], bootstrap_samples: 20}\n"
SHORT = ("--steps", 1, "--frames", 5, "--retries", 0)
SPOKEN = {"speech": [{"speaker": "A", "text": "Hello."}, {"speaker": "B", "text": "Yes."}], "language": "en"}
LINES = [
    {"prompt": CAPTION_OF["red-ball"], "name": "ball", "set": "one", "label": "red-ball"},
    {"prompt": "two red balls talk", "name": "talk", "set": "two", **SPOKEN},
    {"prompt": "a red ball", "name": "more", "set": "two"},
]


def mova_evaluate(*arguments):
    return CliRunner().invoke(build_app(), ["evaluate", *map(str, arguments), "--json"])


def evaluated(*arguments) -> dict:
    result = mova_evaluate(*arguments)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def project(nano_folder, tmp_path_factory):
    """A project with a suite, captions and a first frame, where one suite is evaluated into `out`."""
    root = tmp_path_factory.mktemp("project")
    before = Path.cwd()
    os.chdir(root)
    Path("params.yaml").write_text(PARAMS)
    Path("suite.jsonl").write_text("\n".join(map(json.dumps, LINES)))
    Path("images").mkdir()
    Image.fromarray(np.full((64, 64, 3), 200, np.uint8)).save("images/ball.png")
    row = dict.fromkeys(("visual", "speech", "sound", "on_screen_text", "model", "language", "unavailable"))
    captions = [{**row, "clip_id": "a", "merged": CAPTION_OF["red-ball"], "kind": "template"}]
    write_table(DataFolder().table("captions"), "captions", captions)
    with single_thread():
        yield (*SHORT, "--checkpoint", nano_folder, "--suite", "suite.jsonl", "--out", "out", "--workers", 1)
    os.chdir(before)


@pytest.fixture(scope="module")
def first(project) -> dict:
    return evaluated(*project, "--images", "images")


def test_what_was_generated_and_what_was_found(first, nano_folder):
    suite = first["suite"]
    assert (suite["name"], suite["clips"], suite["missing"], suite["failed"]) == ("suite", 3, 0, {})
    assert suite["checkpoint_id"] == checkpoint_id_of(nano_folder)
    assert (suite["settings"]["steps"], suite["settings"]["frames"]) == (1, 5)
    assert suite["in_training_captions"] == {"exact": 1, "normalised": 1, "prompts": 3, "captions": 1}
    assert suite["without_first_frame"] == ["talk", "more"]
    assert first["metrics"]["loudness_lufs"]["of"] == 3
    assert json.loads(Path("out/metrics.json").read_text())["suite"] == suite
    asked = [json.loads(line)["asked"] for line in Path("out/clips.jsonl").read_text().splitlines()]
    assert [each["set"] for each in asked] == ["one", "two", "two"]
    assert asked[2]["speech"]["language"] == "en"


@pytest.mark.usefixtures("first")
def test_a_rerun_gives_the_same_bytes(project):
    files = [path for path in Path("out").rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    evaluated(*project, "--images", "images")
    assert {path: path.read_bytes() for path in files} == before


def test_a_shard_generates_and_measures_nothing(project):
    share = evaluated(*project, "--out", "shared", "--shard", "2/2", "--limit", 1)
    assert (share["suite"]["clips"], share["kept"]) == (2, 0)
    assert sorted(path.name for path in Path("shared/clips").iterdir()) == ["talk.mp4", "talk.mp4.sha256"]
    assert not Path("shared/metrics.json").exists()


def test_clips_without_a_first_frame_are_told(project):
    result = mova_evaluate(*project, "--out", "few", "--images", "images", "--limit", 1, "--shard", "1/2")
    assert "1 of 2 clips have no first frame and are of text alone: talk" in result.stderr


def test_prompts_too_long_for_the_model_can_be_rewritten(project, server, monkeypatch):
    """As those of Verse-Bench for a nano model: what it generates from is told, metrics have the suite's own prompt."""
    monkeypatch.setenv("MOVA_LLM_URL", server.url)
    monkeypatch.setenv("MOVA_LLM_MODEL", "some-llm")
    server.answers = [caption("A red ball falls.", sound="It knocks."), completion("no caption")]
    lines = [{"prompt": "a red ball that " + "falls and " * 30, "name": "ball"}, {"prompt": "red ball", "name": "b"}]
    Path("long.jsonl").write_text("\n".join(map(json.dumps, lines)))
    options = (*project, "--suite", "long.jsonl", "--out", "long")
    assert mova_evaluate(*options, "--limit", 1).exit_code == 2
    suite = evaluated(*options, "--rewrite-prompt")["suite"]
    assert (suite["rewritten"], list(suite["not_rewritten"]), suite["failed"]) == (1, ["b"], {})
    assert read_provenance(Path("long/clips/ball.mp4")).recipe.prompt == "A red ball falls. It knocks."
    asked = [json.loads(line)["asked"]["prompt"] for line in Path("long/clips.jsonl").read_text().splitlines()]
    assert sorted(asked) == sorted(line["prompt"] for line in lines)


@pytest.mark.usefixtures("first", "project")
def test_the_same_clips_are_scored_by_their_prompts():
    again = evaluated("--videos", "out/clips", "--prompts", "suite.jsonl", "--out", "again", "--workers", 1)
    assert Path("again/clips.jsonl").read_bytes() == Path("out/clips.jsonl").read_bytes()
    assert again["suite"] == {"clips": 3, "missing": 0}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (["--suite", "synthetic", "--videos", "out"], "name one of these"),
        (["--suite", "synthetic", "--out", "x"], "--suite goes with --checkpoint"),
        (["--suite", "synthetic", "--checkpoint", "m"], "--out is missing"),
        (["--suite", "verse", "--checkpoint", "m", "--out", "x"], "--suite is 'verse'"),
        (["--suite", "synthetic", "--checkpoint", "m", "--out", "x"], "'m' is no alias"),
        (["--suite", "synthetic", "--checkpoint", "m", "--out", "x", "--shard", "3/2"], "--shard is '3/2'"),
        (["--suite", "synthetic", "--checkpoint", "m", "--out", "x", "--shard", "1/2", "--against", "y"], "leave one"),
        (["--suite", "synthetic", "--checkpoint", "m", "--out", "x", "--images", "none"], "--images is none"),
        (["--suite", "synthetic", "--checkpoint", "m", "--out", "x", "--prompts", "y"], "name the file as --suite y"),
        (["--videos", "out", "--out", "x", "--steps", "2"], "--steps goes with a suite"),
        (["--videos", "out", "--out", "x", "--prompts", "no.jsonl"], "no.jsonl is missing"),
        (["phase1", "--limit", "2"], "--limit goes with a suite"),
        (["phase1", "--lora", "x"], "--lora goes with a suite"),
        (["phase1", "--against", "x"], "--against goes with --videos or --suite"),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_does_not_go_together_is_refused(wrong, sentence):
    result = mova_evaluate(*wrong)
    assert result.exit_code == 2
    assert sentence in json.loads(result.stdout)["error"]
    assert not Path("x").exists()
