"""`mova generate --like`: the same bytes again, another clip like it, or one sentence why not."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from typer.testing import CliRunner

from mova_core.cli.main import build_app
from mova_core.media.provenance import Provenance, read_provenance, write_provenance
from mova_core.storage.hashing import sha256_file


def mova_generate(*arguments):
    return CliRunner().invoke(build_app(), ["generate", *map(str, arguments)])


def made(*arguments) -> bytes:
    """The bytes of the clip that these options make."""
    result = mova_generate(*arguments)
    assert result.exit_code == 0, result.stderr
    return Path(arguments[arguments.index("--out") + 1]).read_bytes()


@pytest.fixture(scope="module")
def project_once(nano_folder, tmp_path_factory):
    """A folder with clips of one step: one with a first and a last frame, three generated together."""
    root = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        shutil.copytree(nano_folder, "model")
        Path("images").mkdir()
        for name, grey in (("first", 200), ("last", 50)):
            Image.fromarray(np.full((64, 64, 3), grey, np.uint8)).save(f"images/{name}.png")
        common = ("--checkpoint", "model", "--steps", 1)
        frames = ("--image", "images/first.png", "--last-image", "images/last.png")
        options = ("--negative-prompt", "box", "--target-lufs", -20, "--video-shift", 3.3)
        made(*common, *frames, *options, "--prompt", "red ball", "--seed", 9, "--out", "clip.mp4")
        lines = [{"prompt": f"red ball {index}", "image": "images/first.png"} for index in range(3)]
        Path("prompts.jsonl").write_text("\n".join(map(json.dumps, lines)))
        assert mova_generate(*common, "--prompts", "prompts.jsonl", "--out", "many").exit_code == 0
    return root


@pytest.fixture
def project(project_once, tmp_path, monkeypatch):
    """That folder, which paths noted in it name, put back to what it was afterwards."""
    kept = tmp_path / "kept"
    shutil.copytree(project_once, kept)
    monkeypatch.chdir(project_once)
    yield project_once
    shutil.rmtree(project_once)
    shutil.copytree(kept, project_once)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("clip", ["clip.mp4", "many/00001.mp4"])
def test_a_clip_comes_again_byte_for_byte_also_one_that_was_made_among_others(clip):
    assert made("--like", clip, "--out", "again.mp4") == Path(clip).read_bytes()


@pytest.mark.usefixtures("project")
def test_what_is_given_beside_it_is_changed_and_nothing_else():
    direct = made(
        "--checkpoint", "model", "--steps", 1, "--image", "images/last.png", "--last-image", "images/last.png",
        "--negative-prompt", "box", "--target-lufs", -20, "--video-shift", 3.3, "--prompt", "red ball", "--seed", 5,
        "--out", "direct.mp4",
    )  # fmt: skip
    assert made("--like", "clip.mp4", "--seed", 5, "--image", "images/last.png", "--out", "other.mp4") == direct
    made("--like", "clip.mp4", "--codec", "lossless", "--out", "other.mkv")
    changed, recorded = read_provenance(Path("other.mkv")).recipe, read_provenance(Path("clip.mp4")).recipe
    assert changed == replace(recorded, settings=recorded.settings | {"codec": "lossless"})
    assert made("--like", "other.mkv", "--out", "again.mkv") == Path("other.mkv").read_bytes()


@pytest.mark.usefixtures("project")
def test_the_recipe_holds_everything_and_no_path():
    recipe = read_provenance(Path("clip.mp4")).recipe
    assert (recipe.prompt, recipe.negative_prompt, recipe.seed, recipe.batch) == ("red ball", "box", 9, 1)
    assert (recipe.settings["steps"], recipe.settings["video_shift"], recipe.settings["target_lufs"]) == (1, 3.3, -20)
    assert recipe.inputs.keys() == {"image", "last_image"} and recipe.versions.keys() >= {"mova", "torch", "av"}
    for word in (b"images", b"first.png", b"model/", str(Path.cwd()).encode()):
        assert word not in Path("clip.mp4").read_bytes()


@pytest.mark.usefixtures("project")
def test_a_clip_whose_sources_moved_comes_again_where_they_are_named():
    expected = Path("clip.mp4").read_bytes()
    Path("images/first.png").rename("first.png")
    Path("model").rename("other_place")
    options = ("--image", "first.png", "--checkpoint", "other_place")
    assert made("--like", "clip.mp4", *options, "--out", "again.mp4") == expected
    assert made("--like", "clip.mp4", "--out", "once_more.mp4") == expected  # and from now on it is known


def reversioned(clip: Path, **versions: str) -> None:
    provenance = read_provenance(clip)
    recipe = replace(provenance.recipe, versions=provenance.recipe.versions | versions)
    write_provenance(clip, replace(provenance, recipe=recipe))


def resettled(clip: Path, **settings: object) -> None:
    provenance = read_provenance(clip)
    recipe = replace(provenance.recipe, settings=provenance.recipe.settings | settings)
    write_provenance(clip, replace(provenance, recipe=recipe))


def altered_model() -> None:
    weights = Path("model/audio_dit/diffusion_pytorch_model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")


def forget_places() -> None:
    shutil.rmtree(".mova/inputs")


CANNOT = {
    "an input is gone": (lambda: Path("images/first.png").unlink(), (), "first.png is no longer there"),
    "an input is another": (
        lambda: shutil.copy("images/last.png", "images/first.png"),
        (),
        r"images/first.png has sha256 \w+ now",
    ),
    "where it lies is not known": (forget_places, ("--checkpoint", "model"), "not known where that lies.*--image"),
    "its checkpoint is gone": (lambda: shutil.rmtree("model"), (), "which is not known here: name.*--checkpoint"),
    "its folder holds another": (altered_model, (), r"which is not known here \(.*model, where it lay, holds \w{16}"),
    "another is named": (altered_model, ("--checkpoint", "model"), "was made by checkpoint .*, model holds .*bytes"),
    "another version of torch": (lambda: reversioned(Path("clip.mp4"), torch="1.0"), (), "torch 1.0.*here are"),
    "another version's settings": (lambda: resettled(Path("clip.mp4"), x=1), (), "another version.*x is 1"),
    "no recipe": (lambda: write_provenance(Path("clip.mp4"), Provenance("0" * 16)), (), "does not say how it was made"),
    "no clip": (lambda: Path("clip.mp4").unlink(), (), "clip.mp4 is missing"),
    "onto itself": (lambda: None, ("--out", "clip.mp4"), "--out is clip.mp4.*itself"),
}


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("case", CANNOT)
def test_one_sentence_says_why_it_cannot(case):
    change, options, said = CANNOT[case]
    change()
    result = mova_generate("--like", "clip.mp4", *(() if "--out" in options else ("--out", "again.mp4")), *options)
    assert result.exit_code in (1, 2)
    (line,) = result.stderr.splitlines()
    assert line.startswith("mova generate: ")
    assert re.search(said, line), line
    assert not Path("again.mp4").exists()


@pytest.mark.usefixtures("project")
def test_another_version_or_checkpoint_is_a_warning_where_another_clip_is_asked_for():
    reversioned(Path("clip.mp4"), torch="1.0")
    altered_model()
    result = mova_generate("--like", "clip.mp4", "--checkpoint", "model", "--seed", 5, "--out", "other.mp4")
    assert result.exit_code == 0
    assert "warning: clip.mp4 was made by checkpoint" in result.stderr and "torch 1.0" in result.stderr


@pytest.mark.usefixtures("project")
def test_dtype_and_device_are_part_of_the_recipe():
    made("--like", "clip.mp4", "--dtype", "bfloat16", "--out", "half.mp4")
    runtime = read_provenance(Path("half.mp4")).recipe.runtime
    assert (runtime["dtype"], runtime["device"]) == ("bfloat16", "cuda" if torch.cuda.is_available() else "cpu")
    assert made("--like", "half.mp4", "--out", "again.mp4") == Path("half.mp4").read_bytes()
    recipe = replace(read_provenance(Path("half.mp4")).recipe, runtime=runtime | {"device": "cuda:9"})
    write_provenance(Path("half.mp4"), replace(read_provenance(Path("half.mp4")), recipe=recipe))
    result = mova_generate("--like", "half.mp4", "--out", "third.mp4")
    assert result.exit_code == 2 and "device is cuda:9, this machine" in result.stderr


@pytest.mark.usefixtures("project")
def test_other_bytes_are_told():
    """As another processor would compute them: here it is the given clip that has one bit changed."""
    clip = Path("clip.mp4")
    data = clip.read_bytes()
    at = data.index(b"mdat") + 200
    clip.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    result = mova_generate("--like", "clip.mp4", "--out", "again.mp4")
    assert result.exit_code == 1 and "again.mp4 is written, but is not byte for byte clip.mp4" in result.stderr


@pytest.mark.usefixtures("project")
def test_options_that_contradict_it_are_refused():
    result = mova_generate("--like", "clip.mp4", "--prompts", "prompts.jsonl", "--out", "many")
    assert result.exit_code == 2 and "--like goes with one clip" in result.stderr


def adapter_file(name: str, layer: str = "blocks.0.self_attn.v", width: int = 96) -> str:
    generator = torch.Generator().manual_seed(len(name))
    matrices = {
        f"{expert}.{layer}.lora_{letter}.weight": torch.randn(shape, generator=generator)
        for expert in ("video_dit", "video_dit_2")
        for letter, shape in (("A", (2, width)), ("B", (width, 2)))
    }
    save_file(matrices, name)
    return name


@pytest.mark.usefixtures("project")
def test_adapters_and_their_weights_are_part_of_the_recipe():
    one, other = adapter_file("a.safetensors"), adapter_file("other.safetensors")
    common = ("--checkpoint", "model", "--steps", 1, "--prompt", "red ball")
    both = made(*common, "--lora", f"{one}=0.5", "--lora", other, "--out", "both.mp4")
    assert made(*common, "--lora", other, "--lora", f"{one}=0.5", "--out", "turned.mp4") == both
    assert made("--like", "both.mp4", "--out", "again.mp4") == both
    used = {lora.adapter_id: lora.scale for lora in read_provenance(Path("both.mp4")).loras}
    assert used == {sha256_file(Path(one))[:16]: 0.5, sha256_file(Path(other))[:16]: 1.0}
    made("--like", "both.mp4", "--lora", one, "--out", "less.mp4")
    assert [lora.scale for lora in read_provenance(Path("less.mp4")).loras] == [1.0]
    adapter_file("b.safetensors", "blocks.1.self_attn.v")
    Path("b.safetensors").replace(one)
    result = mova_generate("--like", "both.mp4", "--out", "third.mp4")
    assert result.exit_code == 1 and f"{one} is adapter" in result.stderr
    Path(one).unlink()
    result = mova_generate("--like", "both.mp4", "--out", "third.mp4")
    assert result.exit_code == 1 and f"{one} is no longer there" in result.stderr


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"width": 24}, "another size"),
        ({"layer": "blocks.99.self_attn.v"}, "no such layer"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(options, said):
    path = adapter_file("bad.safetensors", **options)
    result = mova_generate("--like", "clip.mp4", "--lora", path, "--out", "out.mp4")
    assert result.exit_code == 1 and said in result.stderr and len(result.stderr.splitlines()) == 1
