"""A released checkpoint's folder: read in every form it may have, written back the same."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from mova_core.errors import StaleError, UsageError
from mova_core.model import AudioTower, Bridge, DualTower, VideoTower
from mova_core.model.model_folder import load_components
from mova_core.model.pretrained.index import FROZEN_COMPONENTS, TOWER_COMPONENTS
from mova_core.sampling import MovaPipeline

RUN = {"frames": 5, "height": 32, "width": 48, "steps": 2, "seed": 4}
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def checkpoint(tiny_checkpoint, tmp_path):
    """A copy that a test may change."""
    folder = tmp_path / "checkpoint"
    shutil.copytree(tiny_checkpoint, folder, copy_function=shutil.copyfile)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def expected(tiny_checkpoint):
    return MovaPipeline.from_pretrained(tiny_checkpoint)("a dog barks", **RUN)


def shapes(folder):
    """Shape and dtype of every tensor of every component."""
    found = {}
    for path in sorted(folder.rglob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for key in file.keys():  # noqa: SIM118 - a safetensors file is no mapping
                piece = file.get_slice(key)
                found[path.parent.name, key] = (tuple(piece.get_shape()), piece.get_dtype())
    return found


def change_json(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def same_clip(folder, expected):
    output = MovaPipeline.from_pretrained(folder)("a dog barks", **RUN)
    return np.array_equal(output.video, expected.video) and np.array_equal(output.audio, expected.audio)


def test_saved_again_it_is_the_same_folder(tiny_checkpoint, tmp_path, expected):
    MovaPipeline.from_pretrained(tiny_checkpoint).save_pretrained(tmp_path / "again")
    assert shapes(tmp_path / "again") == shapes(tiny_checkpoint)
    for name in (
        "model_index.json",
        "scheduler/scheduler_config.json",
        *(f"{c}/config.json" for c in FROZEN_COMPONENTS[:3]),
    ):
        assert json.loads((tmp_path / "again" / name).read_text()) == json.loads((tiny_checkpoint / name).read_text())
    for name in TOWER_COMPONENTS:
        ours, theirs = (
            json.loads((folder / name / "config.json").read_text()) for folder in (tmp_path / "again", tiny_checkpoint)
        )
        assert theirs.items() <= ours.items()
        assert not any(str(tmp_path) in str(value) or str(tiny_checkpoint) in str(value) for value in ours.values())
    assert same_clip(tmp_path / "again", expected)


def test_exported_it_has_the_released_names(tiny_checkpoint, tmp_path):
    from mova_core.cli.model.export import export

    summary = export(str(tiny_checkpoint), tmp_path / "out")
    assert summary["parameters"] == sum(p.numel() for p in DualTower.from_pretrained(tiny_checkpoint).parameters())
    index = [json.loads((folder / "model_index.json").read_text()) for folder in (tmp_path / "out", tiny_checkpoint)]
    assert index[0] == index[1]
    assert shapes(tmp_path / "out") == shapes(tiny_checkpoint)
    with pytest.raises(UsageError, match="not empty"):
        export(str(tiny_checkpoint), tmp_path / "out")


def test_sharded_weights(checkpoint, expected):
    """As the released video towers have them: files of some keys each, and an index."""
    tensors = load_file(checkpoint / "video_dit" / WEIGHTS)
    (checkpoint / "video_dit" / WEIGHTS).unlink()
    names = [f"diffusion_pytorch_model-0000{part}-of-00003.safetensors" for part in (1, 2, 3)]
    placed = {key: names[number % 3] for number, key in enumerate(tensors)}
    for name in names:
        save_file({key: tensors[key] for key in tensors if placed[key] == name}, checkpoint / "video_dit" / name)
    index = {"metadata": {"total_size": 0}, "weight_map": placed}
    (checkpoint / "video_dit" / f"{WEIGHTS}.index.json").write_text(json.dumps(index))
    assert same_clip(checkpoint, expected)
    (checkpoint / "video_dit" / names[1]).unlink()
    with pytest.raises(StaleError, match=r"00002-of-00003.* is missing"):
        load_components(checkpoint)


def test_unknown_config_fields_are_kept(checkpoint, tmp_path, expected):
    change_json(checkpoint / "video_dit" / "config.json", a_field_of_tomorrow=[1, 2])
    change_json(checkpoint / "model_index.json", licence="theirs")
    assert same_clip(checkpoint, expected)
    MovaPipeline.from_pretrained(checkpoint).save_pretrained(tmp_path / "again")
    assert json.loads((tmp_path / "again" / "video_dit" / "config.json").read_text())["a_field_of_tomorrow"] == [1, 2]
    assert json.loads((tmp_path / "again" / "model_index.json").read_text())["licence"] == "theirs"


@pytest.mark.parametrize("declared", [True, False])
def test_the_audio_vae_with_weight_norm(checkpoint, golden, tiny_checkpoint, declared):
    """Its keys tell the form, even where the config does not."""
    case = golden("dac_vae")
    save_file(case.state(), checkpoint / "audio_vae" / WEIGHTS)
    change_json(checkpoint / "audio_vae" / "config.json", use_weight_norm=declared)
    audio = load_components(checkpoint).audio
    with torch.no_grad():
        waveform = audio.decode(case["in.z"], case["out.decode"].shape[-1])
    case.check("out.decode", waveform[:, None])


def test_bfloat16_weights_stay_bfloat16_and_the_audio_vae_becomes_float32(checkpoint):
    for name in (*TOWER_COMPONENTS, "audio_vae", "video_vae"):
        path = checkpoint / name / WEIGHTS
        save_file({key: tensor.bfloat16() for key, tensor in load_file(path).items()}, path)
    components = load_components(checkpoint)
    assert {parameter.dtype for parameter in components.towers.parameters()} == {torch.bfloat16}
    assert components.video.vae.dtype == torch.bfloat16
    assert components.audio.vae.dtype == torch.float32
    output = MovaPipeline(components)("a dog barks", **RUN)
    assert output.video.shape == (5, 32, 48, 3)
    assert output.latents.video.dtype == torch.float32


def test_components_by_their_own_classes(tiny_checkpoint):
    assert len(VideoTower.from_pretrained(tiny_checkpoint / "video_dit").state_dict()) > 0
    assert AudioTower.from_pretrained(tiny_checkpoint / "audio_dit").head_dim == 20
    assert Bridge.from_pretrained(tiny_checkpoint / "dual_tower_bridge").layers == (0, 1)


@pytest.mark.parametrize("component", [*TOWER_COMPONENTS, *FROZEN_COMPONENTS])
def test_a_missing_component_is_one_sentence(checkpoint, component):
    shutil.rmtree(checkpoint / component)
    with pytest.raises(UsageError, match=f"no component {component}") as refused:
        load_components(checkpoint)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["video_dit/weights.bin", "text_encoder/pytorch_model.bin", "lora_weights.pt", "a/b.pkl"]
)
def test_pickles_are_refused(checkpoint, name):
    (checkpoint / name).parent.mkdir(exist_ok=True)
    (checkpoint / name).write_bytes(b"\x80\x04.")
    with pytest.raises(UsageError, match="is a pickle"):
        load_components(checkpoint)


def test_a_pickle_beside_one_component(checkpoint):
    (checkpoint / "audio_dit" / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04.")
    (checkpoint / "audio_dit" / WEIGHTS).unlink()
    with pytest.raises(UsageError, match="is a pickle"):
        AudioTower.from_pretrained(checkpoint / "audio_dit")


def test_weights_that_do_not_fit_are_refused(checkpoint):
    path = checkpoint / "audio_dit" / WEIGHTS
    tensors = load_file(path)
    for broken, sentence in (
        ({key: value for key, value in tensors.items() if key != "head.head.bias"}, "1 missing keys"),
        (tensors | {"extra": torch.zeros(1)}, "1 unexpected keys"),
        (tensors | {"head.head.bias": torch.zeros(3)}, "audio_dit cannot be read"),
    ):
        save_file(broken, path)
        with pytest.raises(StaleError, match=sentence):
            AudioTower.from_pretrained(checkpoint / "audio_dit")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(StaleError, match="not a readable safetensors file"):
        AudioTower.from_pretrained(checkpoint / "audio_dit")


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(UsageError, match="is not a model folder"):
        load_components(tmp_path)
    with pytest.raises(UsageError, match=r"config\.json is missing"):
        VideoTower.from_pretrained(tmp_path / "none")


@pytest.mark.parametrize(("words", "fits"), [(100, True), (600, False)])
def test_prompts_are_counted_without_torch(tiny_checkpoint, words, fits):
    from mova_core.model.pretrained.index import FolderIndex

    prompt = "hello " * words
    index, text = FolderIndex.read(tiny_checkpoint), load_components(tiny_checkpoint).text
    assert index.token_counter()(prompt) == text.count_tokens(prompt)
    assert (text.count_tokens(prompt) <= text.max_tokens) is fits
