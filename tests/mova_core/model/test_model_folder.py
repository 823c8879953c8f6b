"""A nano model as a folder: whole, in the released layout, with the codec and text encoder it was made with."""

import json
import shutil

import pytest
import torch

from mova_core.errors import StaleError, UsageError
from mova_core.geometry import GEOMETRIES
from mova_core.model.codecs.nano.codec import NanoCodec
from mova_core.model.model_folder import export_folder, load_components, new_components, save_components
from mova_core.model.nano_folder import read_nano_codec
from mova_core.model.pretrained.index import FolderIndex
from mova_core.params.generate import GenerateParams
from mova_core.sampling.settings import GenerateSettings


@pytest.fixture
def folder(nano_folder, tmp_path):
    """A copy that a test may change."""
    shutil.copytree(nano_folder, tmp_path / "model")
    return tmp_path / "model"


def test_layout(nano_folder, tmp_path):
    names = {path.name for path in nano_folder.iterdir()}
    assert names == {
        "model_index.json",
        "video_dit",
        "video_dit_2",
        "audio_dit",
        "dual_tower_bridge",
        "video_vae",
        "audio_vae",
        "text_encoder",
        "scheduler",
    }
    assert not any(str(nano_folder.parent) in path.read_text() for path in nano_folder.rglob("*.json"))


def test_weights_codec_and_defaults_come_back(nano_model, nano_codec, nano_folder):
    again = load_components(nano_folder)
    ours, theirs = nano_model.towers.state_dict(), again.towers.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert not again.towers.training
    assert read_nano_codec(nano_folder).fingerprint == nano_codec.fingerprint
    settings = GenerateSettings.of(again.index)
    assert (settings.geometry, settings.steps, settings.keep_first_latent) == ("nano-48", 3, True)


def test_the_same_model_gives_the_same_bytes(nano_model, nano_folder, tmp_path):
    save_components(nano_model, tmp_path / "a")
    save_components(load_components(nano_folder), tmp_path / "b")
    files = sorted(path.relative_to(nano_folder) for path in nano_folder.rglob("*") if path.is_file())
    for again in (tmp_path / "a", tmp_path / "b"):
        assert [path for path in files if (again / path).read_bytes() != (nano_folder / path).read_bytes()] == []


def test_exported_it_names_towers_as_released_and_codecs_as_ours(nano_folder, tmp_path):
    export_folder(nano_folder, tmp_path / "out")
    for path in nano_folder.rglob("*.safetensors"):
        assert (tmp_path / "out" / path.relative_to(nano_folder)).read_bytes() == path.read_bytes()
    index = json.loads((tmp_path / "out" / "model_index.json").read_text())
    assert index["video_dit"] == ["mova.diffusion.models.wan_video_dit", "WanModel"]
    assert index["video_vae"][1] == "NanoVideoCodec"
    assert json.loads((tmp_path / "out" / "audio_dit" / "config.json").read_text())["_class_name"] == "WanAudioModel"
    assert load_components(tmp_path / "out").index.has_nano_text


def test_a_taken_place_is_left_alone(nano_model, tmp_path):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(UsageError, match="not empty"):
        save_components(nano_model, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_replacing_an_old_model(nano_model, folder):
    (folder / "left over").write_text("x")
    save_components(nano_model, folder, replace_old=True)
    assert not (folder / "left over").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_failure_leaves_nothing(nano_model, tmp_path, monkeypatch):
    def fail(folder):
        raise RuntimeError("disk full")

    monkeypatch.setattr(type(nano_model.towers), "save_pretrained", lambda towers, folder: fail(folder))
    with pytest.raises(RuntimeError):
        save_components(nano_model, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_halves_of_two_codecs_are_refused(folder):
    path = folder / "audio_vae" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"fingerprint": "0" * 64}))
    with pytest.raises(StaleError, match="mixes two codecs"):
        load_components(folder)


def test_an_altered_codec_is_refused(folder):
    path = folder / "video_vae" / "diffusion_pytorch_model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(StaleError, match="fingerprint"):
        load_components(folder)


def test_another_text_encoder_is_refused(folder):
    path = folder / "text_encoder" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"fingerprint": "0" * 64}))
    with pytest.raises(StaleError, match="another text encoder"):
        load_components(folder)


@pytest.mark.parametrize("name", ["model_index.json", "scheduler/scheduler_config.json"])
def test_damaged_json_is_one_sentence(folder, name):
    (folder / name).write_text("{")
    with pytest.raises(StaleError, match="not readable JSON"):
        FolderIndex.read(folder)


def test_a_codec_of_another_hop_does_not_fit(nano_towers, nano_parts):
    with pytest.raises(StaleError, match="samples a latent: 320, geometry mova-360p has 960"):
        new_components(nano_towers, nano_parts, GEOMETRIES["mova-360p"], GenerateParams(), 0.9)


def test_a_codec_is_its_tensors(nano_codec):
    assert NanoCodec.from_tensors(nano_codec.tensors()).fingerprint == nano_codec.fingerprint
