"""`mova generate --rewrite-prompt` with a real endpoint: which prompt a clip is made from, and what is said of it."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mova_core.cli.main import build_app
from mova_core.ports import free_port
from tests.mova_core.endpoints.model_server import Answer, ModelServer, caption, described

REWRITTEN = "A red ball falls on a dark floor. It knocks."


@pytest.fixture
def models(monkeypatch, tmp_path):
    """One server for both models, which the environment names."""
    server = ModelServer()
    for kind in ("LLM", "VLM"):
        monkeypatch.setenv(f"MOVA_{kind}_URL", server.url)
        monkeypatch.setenv(f"MOVA_{kind}_MODEL", f"some-{kind.lower()}")
        monkeypatch.delenv(f"MOVA_{kind}_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    server.answers = [caption("A red ball falls on a dark floor.", sound="It knocks.")]
    yield server
    server.stop()


@pytest.fixture
def generate(nano_folder, tmp_path):
    def run(*arguments, prompt="red ball", name="clip.mp4"):
        common = ("--checkpoint", nano_folder, "--steps", 1, "--json", "--out", tmp_path / name)
        asked = () if prompt is None else ("--prompt", prompt)
        return CliRunner().invoke(build_app(), ["generate", *map(str, (*common, *asked, *arguments))])

    return run


def test_a_clip_is_made_from_the_rewritten_prompt(models, generate, tmp_path):
    done = generate("--rewrite-prompt")
    (told,) = json.loads(done.stdout)["clips"]
    record = tmp_path / "clip.prompting.json"
    assert told["prompt"] == REWRITTEN
    assert told["prompting"] == {"user_prompt": "red ball", "rewritten": True, "record": str(record)}
    kept = json.loads(record.read_text())
    assert (kept["user_prompt"], kept["prompt"], kept["reason"]) == ("red ball", REWRITTEN, None)
    assert kept["exchanges"][0]["messages"] == models.asked[0]["messages"]
    material = json.loads(models.asked[0]["messages"][-1]["content"])
    assert material["known_phrases"] == ["red ball"]  # what the model folder was trained on
    assert "warning" not in done.stderr  # the prompt that counts names what the model knows
    generate(prompt=REWRITTEN, name="same.mp4")
    assert (tmp_path / "same.mp4").read_bytes() == (tmp_path / "clip.mp4").read_bytes()
    generate()
    assert not record.exists()  # the clip of that name is another one now


@pytest.mark.parametrize("variable", ["MOVA_LLM_URL", "MOVA_VLM_URL"])
def test_without_an_endpoint_the_prompt_is_used_and_the_output_says_so(
    models, generate, monkeypatch, tmp_path, variable
):
    monkeypatch.delenv(variable)
    Image.fromarray(np.full((64, 64, 3), 200, np.uint8)).save("first.png")
    done = generate("--rewrite-prompt", "--image", "first.png")
    assert done.exit_code == 0 and not models.asked
    summary = json.loads(done.stdout)
    assert summary["clips"][0]["prompt"] == "red ball" and not summary["clips"][0]["prompting"]["rewritten"]
    (warning,) = summary["warnings"]
    assert variable in warning and done.stderr.count(warning) == 1
    assert variable in json.loads((tmp_path / "clip.prompting.json").read_text())["reason"]


def test_each_clip_of_a_file_is_rewritten_by_its_own_first_frame(models, generate, tmp_path):
    for name, level in (("dark", 10), ("light", 200)):
        Image.fromarray(np.full((64, 64, 3), level, np.uint8)).save(f"{name}.png")
    lines = [{"prompt": f"red ball, {name}", "name": name, "image": f"{name}.png"} for name in ("dark", "light")]
    (tmp_path / "prompts.jsonl").write_text("\n".join(map(json.dumps, [*lines, {"prompt": "box", "name": "free"}])))

    def answer(body):
        if body["model"] == "some-vlm":
            return described()
        return caption("A red ball falls.", sound=f"Sound {len(models.asked)}.")

    models.answers = [answer]
    done = generate("--rewrite-prompt", "--prompts", tmp_path / "prompts.jsonl", prompt=None, name="clips")
    assert done.exit_code == 0, done.output
    assert [body["model"] for body in models.asked] == [*["some-vlm", "some-llm"] * 2, "some-llm"]
    for name, number in (("dark", 2), ("light", 4), ("free", 5)):
        kept = json.loads((tmp_path / "clips" / f"{name}.prompting.json").read_text())
        assert kept["prompt"] == f"A red ball falls. Sound {number}."


def test_a_last_frame_is_told_as_such(models, generate):
    for name, level in (("first", 200), ("last", 90)):
        Image.fromarray(np.full((64, 64, 3), level, np.uint8)).save(f"{name}.png")
    models.answers = [described("A"), described("B"), caption('A ball from "A" to "B".')]
    assert generate("--rewrite-prompt", "--image", "first.png", "--last-image", "last.png").exit_code == 0
    material = json.loads(models.asked[2]["messages"][-1]["content"])
    assert [material[name]["ocr_text"][0]["text"] for name in ("first_frame", "last_frame")] == ["A", "B"]


def test_a_caption_that_is_too_long_for_the_model_is_not_used(models, generate):
    models.answers = [caption("A red ball falls. " * 20)]
    summary = json.loads(generate("--rewrite-prompt").stdout)
    assert summary["clips"][0]["prompt"] == "red ball"
    assert "at most 128" in summary["warnings"][0]


def test_an_endpoint_that_is_down_is_refused_before_anything_is_made(models, generate, monkeypatch, tmp_path):
    monkeypatch.setenv("MOVA_LLM_URL", f"http://127.0.0.1:{free_port()}/v1")
    done = generate("--rewrite-prompt")
    assert done.exit_code == 2 and "cannot be reached" in json.loads(done.stdout)["error"]
    assert not list(tmp_path.glob("clip*"))


def test_an_endpoint_that_fails_ends_the_run_before_anything_is_made(models, generate, tmp_path):
    models.answers = [Answer(b"out of memory", 500, {"Retry-After": "0"})]
    done = generate("--rewrite-prompt")
    assert done.exit_code == 1 and "failed 3 times" in json.loads(done.stdout)["error"]
    assert not list(tmp_path.glob("clip*"))
