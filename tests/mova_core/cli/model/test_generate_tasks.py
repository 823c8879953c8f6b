"""`mova generate` of every task: the files that it takes, what it writes and says, and what it refuses."""

import inspect
import json
import re
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mova_core.cli.main import build_app
from mova_core.media.encode import write_media
from mova_core.sampling.inputs import ClipInputs
from mova_core.sampling.pipeline import MovaPipeline
from mova_core.sampling.request.wanted import FILE_FIELDS, TASK_FIELDS, Given
from mova_core.sampling.tasks import CLIP_TASKS

FRAMES = 13  # 0.8125 s at 16 a second
VALUES = {"only=video": "video", "only=audio": "audio", "extend": 1, "retake": "0.3:0.5"}


def mova_generate(*arguments):
    return CliRunner().invoke(build_app(), ["generate", *map(str, arguments)])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder of what can be given: images, a clip, and a longer, a silent and another film."""
    folder = tmp_path_factory.mktemp("files")
    generator = np.random.default_rng(0)
    for name in ("image", "last_image"):
        Image.fromarray(generator.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(folder / f"{name}.png")

    def film(name, frames, fps, rate_hz, audio=True, side=64):
        shapes = generator.integers(0, 256, (frames, 4, 4, 3), dtype=np.uint8).repeat(side // 4, 1).repeat(side // 4, 2)
        samples = generator.uniform(-0.3, 0.3, round(frames / fps * rate_hz)).astype(np.float32)
        write_media(folder / name, shapes, fps, samples if audio else None, rate_hz)

    film("video.mp4", FRAMES, 16, 16_000)
    film("longer.mp4", 21, 16, 16_000)
    film("silent.mp4", FRAMES, 16, 16_000, audio=False)
    film("phone.mp4", 24, 30, 44_100)
    return folder


def options_of(name, files):
    """Options that ask for a task; the audio of a film that is changed is its own."""
    paths = {"image": "image.png", "last_image": "last_image.png", "video": "video.mp4", "audio": "video.mp4"}
    inputs = CLIP_TASKS[name].inputs - ({"audio"} if "video" in CLIP_TASKS[name].inputs else set())
    for key in sorted(inputs):
        yield f"--{key.partition('=')[0].replace('_', '-')}"
        yield files / paths[key] if key in paths else VALUES[key]


def streams(path):
    """Frames of the video and samples of the audio of a file."""
    frames = samples = None
    with av.open(str(path)) as container:
        if container.streams.video:
            frames = sum(1 for _ in container.decode(video=0))
    with av.open(str(path)) as container:
        if container.streams.audio:
            samples = sum(frame.samples for frame in container.decode(audio=0))
    return frames, samples


@pytest.mark.parametrize("name", CLIP_TASKS)
def test_a_task_by_options_by_a_line_and_made_again(nano_folder, files, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    common = ("--checkpoint", nano_folder, "--steps", 1, "--frames", FRAMES, "--codec", "lossless", "--json")
    given = list(options_of(name, files))
    one = mova_generate(*common, *given, "--prompt", "red ball", "--seed", 4, "--out", "one.mkv")
    assert one.exit_code == 0, one.stderr
    summary = json.loads(one.stdout)["clips"][0]
    frames = {"extend": FRAMES + 8, "extend_video": FRAMES + 8}.get(name, FRAMES)
    task = CLIP_TASKS[name]
    assert streams("one.mkv") == (frames if task.makes_video else None, frames * 1000 if task.makes_audio else None)
    if name == "retake":
        assert summary["notes"][-1] == "retaken: video 0.062 to 0.562 s (frames 1 to 8), audio 0.240 to 0.560 s"
    if name.startswith("extend"):
        assert summary["length"] == "21 frames at 16 a second, 21000 samples at 16000 Hz"
        assert summary["piece_seeds"] == ([4] if name == "extend" else []) + [1_000_004]

    keys = [key.removeprefix("--").replace("-", "_") for key in given[::2]]
    line = {"prompt": "red ball", "name": "one", "seed": 4}
    line |= {
        key: str(value) if isinstance(value, Path) else value for key, value in zip(keys, given[1::2], strict=True)
    }
    Path("lines.jsonl").write_text(json.dumps(line))
    many = mova_generate(*common, "--prompts", "lines.jsonl", "--out", "many")
    assert many.exit_code == 0, many.stderr
    assert Path("many/one.mkv").read_bytes() == Path("one.mkv").read_bytes()

    again = mova_generate("--like", "one.mkv", "--out", "again.mkv")
    assert again.exit_code == 0, again.stderr
    assert Path("again.mkv").read_bytes() == Path("one.mkv").read_bytes()


def test_a_film_of_another_rate_and_size_is_brought_to_the_clips_and_that_is_told(nano_folder, files, tmp_path):
    out = tmp_path / "foley.mp4"
    common = ("--checkpoint", nano_folder, "--steps", 1, "--frames", FRAMES, "--prompt", "red ball", "--json")
    done = mova_generate(*common, "--video", files / "phone.mp4", "--out", out)
    assert done.exit_code == 0, done.stderr
    assert streams(out)[0] == FRAMES
    notes = json.loads(done.stdout)["clips"][0]["notes"]
    assert [note.partition(": ")[2] for note in notes] == [
        "30 frames a second, resampled to 16",
        "frames of 64x64 scaled to 48x48",
    ]


def test_lines_of_several_tasks_are_generated_each_with_its_like(nano_folder, files, tmp_path):
    names = list(CLIP_TASKS)
    lines = []
    for name in names:
        given = list(options_of(name, files))
        keys = [key.removeprefix("--").replace("-", "_") for key in given[::2]]
        values = [str(value) if isinstance(value, Path) else value for value in given[1::2]]
        lines.append({"prompt": "red ball", "name": name, **dict(zip(keys, values, strict=True))})
    (tmp_path / "lines.jsonl").write_text("\n".join(map(json.dumps, lines)))
    common = ("--checkpoint", nano_folder, "--steps", 1, "--frames", FRAMES, "--json")
    done = mova_generate(*common, "--prompts", tmp_path / "lines.jsonl", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert [Path(clip["path"]).stem for clip in json.loads(done.stdout)["clips"]] == names
    for name in names:
        frames, samples = streams(tmp_path / "out" / f"{name}.mp4")
        assert (frames is not None, samples is not None) == (CLIP_TASKS[name].makes_video, CLIP_TASKS[name].makes_audio)


def test_of_several_lines_the_wrong_one_is_named(nano_folder, files, tmp_path):
    lines = [{"prompt": "red ball"}, {"prompt": "red ball", "name": "b", "retake": [0.1, 0.2]}]
    (tmp_path / "lines.jsonl").write_text("\n".join(map(json.dumps, lines)))
    refused = mova_generate("--checkpoint", nano_folder, "--prompts", tmp_path / "lines.jsonl", "--out", tmp_path)
    assert refused.exit_code == 2 and "clip b: retake is given without audio and video" in refused.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--video", "video.mp4", "--image", "image.png"), "image and video are both given"),
        (("--video", "video.mp4", "--audio", "video.mp4"), "nothing is left to generate"),
        (("--video", "video.mp4", "--only", "audio"), "made without `only`"),
        (("--only", "sound"), "only is 'sound'"),
        (("--only", "audio", "--image", "image.png"), "image and only=audio"),
        (("--retake", "0.1:0.3"), "retake is given without audio and video"),
        (("--video", "video.mp4", "--retake", "0.5:0.2"), "expected a start before the end"),
        (("--video", "video.mp4", "--retake", "0.5:4"), "expected an interval within the clip, 0 to 0.8125 s"),
        (("--video", "video.mp4", "--retake", "0.5"), "expected two numbers of seconds, such as 0.5:1.25"),
        (("--video", "video.mp4", "--retake", "a:b"), "expected two numbers of seconds"),
        (("--video", "video.mp4", "--retake", "0.1:0.2", "--extend", "1"), "extend and retake are both given"),
        (("--video", "silent.mp4", "--retake", "0.1:0.3"), "cannot be given as video .no_audio."),
        (("--audio", "silent.mp4"), "cannot be given as audio .no_audio."),
        (("--video", "longer.mp4"), "its video lasts 1.3125 s, the clip 0.8125 s .*or ask for 21 frames"),
        (("--audio", "longer.mp4"), "its audio lasts 1.3125 s, the clip 0.8125 s"),
        (("--video", "none.mp4"), "none.mp4 cannot be given as video"),
        (("--video", "image.png"), "still_image"),
        (("--extend", "0"), "extend is 0"),
        (("--extend", "1000"), "extend is 1000"),
        (("--extend", "1", "--last-image", "image.png"), "each piece begins where the one before ends"),
        (("--only", "video", "--target-lufs", "-20"), "target_lufs has no part where the audio is absent"),
        (("--only", "video", "--bridge-guidance-scale", "2"), "bridge_guidance_scale has no part"),
        (("--video", "video.mp4", "--video-text-guidance-scale", "2"), "has no part where the video is given"),
        (("--only", "video", "--audio-out", "a.wav"), "a clip of only video has no audio"),
    ],
)
def test_what_is_refused_before_anything_is_made(nano_folder, files, tmp_path, monkeypatch, options, sentence):
    monkeypatch.chdir(files)
    common = ("--checkpoint", nano_folder, "--steps", 1, "--frames", FRAMES, "--prompt", "red ball")
    refused = mova_generate(*common, *options, "--out", tmp_path / "out" / "a.mp4")
    assert refused.exit_code == 2, refused.output
    assert refused.stderr.count("\n") == 1
    assert re.search(sentence, refused.stderr), refused.stderr
    assert not (tmp_path / "out").exists()


def test_python_takes_the_same_names():
    assert set(Given.model_fields) == {*FILE_FIELDS, *TASK_FIELDS}
    assert set(Given.model_fields) <= set(inspect.signature(MovaPipeline.__call__).parameters)
    assert set(Given.model_fields) <= set(ClipInputs.__dataclass_fields__)
    named = set().union(*(task.takes for task in CLIP_TASKS.values()))
    assert {name.partition("=")[0] for name in named} == set(Given.model_fields)
