"""`mova generate`: files of the right form, and silly input refused before torch is loaded."""

import json
import os
import subprocess
import sys

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mova_core.cli.main import build_app
from mova_core.media.provenance import read_provenance
from mova_core.registry.manifests import checkpoint_id_of

MOVA = [sys.executable, "-c", "from mova_core.cli.main import main; main()"]


def mova_generate(*arguments):
    return subprocess.run([*MOVA, "generate", *map(str, arguments)], capture_output=True, text=True)


def generate_here(*arguments):
    """The same in this process, where torch is loaded already."""
    result = CliRunner().invoke(build_app(), ["generate", *map(str, arguments)])
    return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="module")
def made(nano_folder, tmp_path_factory):
    """One clip with a first frame, and a file of prompts."""
    out = tmp_path_factory.mktemp("made")
    Image.fromarray(np.full((64, 64, 3), 200, np.uint8)).save(out / "first.png")
    lines = [{"prompt": "a red ball", "name": "ball"}, {"prompt": "a box", "image": "first.png", "seed": 9}]
    (out / "prompts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    common = ("--checkpoint", nano_folder, "--steps", 1, "--json")
    image = ("--image", out / "first.png")
    one = mova_generate(*common, "--prompt", "a box", *image, "--seed", 9, "--out", out / "one.mp4")
    many = generate_here(*common, "--prompts", out / "prompts.jsonl", "--out", out / "many")
    return out, one, many


def test_a_clip(made):
    out, one, _ = made
    assert one.returncode == 0, one.stderr
    summary = json.loads(one.stdout)
    assert summary["clips"] == [{"path": str(out / "one.mp4"), "prompt": "a box", "seed": 9}]
    assert "generate 1/1" in one.stderr
    with av.open(str(out / "one.mp4")) as container:
        names = [stream.codec_context.name for stream in container.streams]
        assert names == ["h264", "aac"]
        assert len(list(container.decode(video=0))) == 33


def test_a_prompt_about_nothing_that_the_model_knows_is_warned_of_once(made):
    warning = "this model was trained on clips of: red ball; the prompt 'a box' names none of them"
    for done in made[1:]:
        assert done.stderr.count(f"warning: {warning}") == 1
        assert json.loads(done.stdout)["warnings"] == [warning]


def test_clips_from_a_file(made):
    out, _, many = made
    assert many.returncode == 0, many.stderr
    assert sorted(path.name for path in (out / "many").iterdir()) == ["00001.mp4", "ball.mp4"]


def test_every_clip_says_which_checkpoint_made_it(made, nano_folder):
    """`mova registry lineage` starts from the clip, also where this registry does not know the checkpoint."""
    out, one, _ = made
    checkpoint_id = json.loads(one.stdout)["checkpoint_id"]
    assert checkpoint_id == checkpoint_id_of(nano_folder)
    for name in ("one.mp4", "many/00001.mp4", "many/ball.mp4"):
        assert read_provenance(out / name).checkpoint_id == checkpoint_id
    environment = {**os.environ, "MOVA_DATABASE_URL": f"sqlite:///{out}/registry.db"}
    done = subprocess.run(
        [*MOVA, "registry", "lineage", "one.mp4"], capture_output=True, text=True, cwd=out, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert checkpoint_id in done.stdout


def test_codecs_and_the_audio_alone(nano_folder, tmp_path):
    common = ("--checkpoint", nano_folder, "--steps", 1, "--prompt", "red ball", "--json")
    options = ("--codec", "lossless", "--audio-out", tmp_path / "sound/clip.wav")
    done = generate_here(*common, *options, "--out", tmp_path / "clip.mkv")
    assert done.returncode == 0, done.stderr
    with av.open(str(tmp_path / "clip.mkv")) as container:
        assert [stream.codec_context.name for stream in container.streams] == ["ffv1", "flac"]
    with av.open(str(tmp_path / "sound/clip.wav")) as container:
        alone = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
    with av.open(str(tmp_path / "clip.mkv")) as container:
        beside = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
    np.testing.assert_array_equal(alone, beside)
    assert read_provenance(tmp_path / "clip.mkv").recipe.settings["codec"] == "lossless"


def test_a_loudness_that_the_true_peak_does_not_allow_is_told(nano_folder, tmp_path):
    common = ("--checkpoint", nano_folder, "--steps", 1, "--prompt", "red ball", "--json")
    done = generate_here(*common, "--target-lufs", 0, "--true-peak-dbtp", -6, "--out", tmp_path / "clip.mp4")
    assert done.returncode == 0, done.stderr
    clip = json.loads(done.stdout)["clips"][0]
    assert clip["lufs"] < -1 and clip["true_peak_dbtp"] <= -5.9
    assert f"clip.mp4 is at {clip['lufs']:.1f} LUFS, not at 0: its true peak of -6 dBTP allows no more" in done.stderr


REFUSED = {
    ("--steps", "0"): "steps is 0",
    ("--text-guidance-scale", "-1"): "text_guidance_scale is -1",
    ("--guidance-rescale", "2"): "guidance_rescale is 2",
    ("--audio-negative-prompt", "x" * 200): "201 tokens",
    ("--frames", "32"): "4k + 1",
    ("--image", "none.png"): "is missing",
    ("--last-image", "end.png"): "end.png is missing",
    ("--video", "none.mp4"): "none.mp4 cannot be given as video",
    ("--retake", "0.1:0.3"): "retake is given without audio and video",
    ("--prompt", "  "): "prompt is empty",
    ("--prompt", "x" * 200): "201 tokens",
    ("--out", "clip.avi"): "ends in .mp4",
    ("--codec", "lossless"): "ends in .mkv",
    ("--codec", "vp9"): "codec is 'vp9'",
    ("--true-peak-dbtp", "-2"): "true_peak_dbtp has no part without target_lufs",
    ("--audio-out", "clip.mp3"): "ends in .wav",
    ("--device", "cuda:63"): "device is cuda:63, this machine has",
    ("--dtype", "int8"): "dtype is 'int8'",
    ("--memory", "less"): "memory is 'less'",
    ("--prompts", "x.jsonl"): "either --prompt TEXT or --prompts",
    ("--checkpoint", "production"): "'production' is no alias",
}
SEVERAL_REFUSED = {
    ("--frames", "4097", "--height", "8192", "--width", "8192"): "GB that are free: ask for fewer frames",
    ("--text-guidance-scale", "1", "--bridge-guidance-scale", "1", "--guidance-parallel"): "every guidance scale is 1",
}
REFUSALS = """
import json, sys
from typer.testing import CliRunner
from mova_core.cli.main import build_app
app = build_app()
results = [CliRunner().invoke(app, ["generate", *words]) for words in json.loads(sys.argv[1])]
print(json.dumps([(result.exit_code, result.stderr) for result in results]))
assert "torch" not in sys.modules
"""


def test_refused_in_one_sentence_before_torch_is_loaded(nano_folder, tmp_path):
    usual = {"--checkpoint": str(nano_folder), "--prompt": "a ball", "--out": str(tmp_path / "clip.mp4")}
    commands = [[word for pair in (usual | dict([changed])).items() for word in pair] for changed in REFUSED]
    commands += [[*commands[-1], "--checkpoint", str(nano_folder), *several] for several in SEVERAL_REFUSED]
    # Away from this folder, whose registry may know aliases.
    command = [sys.executable, "-c", REFUSALS, json.dumps(commands)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=nano_folder.parent)
    assert done.returncode == 0, done.stderr
    sentences = [*REFUSED.values(), *SEVERAL_REFUSED.values()]
    for sentence, (code, told) in zip(sentences, json.loads(done.stdout), strict=True):
        assert code == 2
        assert told.startswith("mova generate: ") and sentence in told
        assert len(told.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
