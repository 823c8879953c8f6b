"""Weights read one by one from a component folder are those that the folder holds, or are refused."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from mova_core.errors import StaleError, UsageError
from mova_core.model.towers.tower_configs import preset_configs
from mova_core.model.weights.blueprint import audio_blueprint
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.model.weights.stored import StoredWeights
from mova_core.params import Params

FILE = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def tower():
    return preset_dual_tower(Params()).audio_dit


@pytest.fixture
def blueprint():
    return audio_blueprint(preset_configs(Params())["audio_dit"]).audio_dit


@pytest.mark.parametrize("options", [{}, {"max_shard_size": "500KB"}], ids=["one file", "shards"])
def test_every_weight_comes_back(tower, blueprint, tmp_path, options):
    tower.to(torch.bfloat16).save_pretrained(tmp_path, **options)
    assert (len(list(tmp_path.glob("*.safetensors"))) > 1) == bool(options)
    weights = StoredWeights(tmp_path, blueprint)
    for name, parameter in tower.named_parameters():
        assert torch.equal(weights(name), parameter)


@pytest.mark.parametrize(
    ("spoil", "error", "sentence"),
    [
        (lambda tensors: tensors.pop("head.head.bias"), StaleError, r"1 missing keys .*\(head.head.bias\)"),
        (lambda tensors: tensors.update(more=torch.ones(1)), StaleError, r"1 unexpected keys .*\(more\)"),
        (lambda tensors: tensors.update({"head.head.bias": torch.ones(3)}), StaleError, "1 mismatched keys"),
    ],
)
def test_weights_of_another_model_are_refused(tower, blueprint, tmp_path, spoil, error, sentence):
    tower.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / FILE)
    spoil(tensors)
    save_file(tensors, tmp_path / FILE)
    with pytest.raises(error, match=sentence):
        StoredWeights(tmp_path, blueprint)


def test_a_missing_shard_and_a_missing_folder_are_refused(tower, blueprint, tmp_path):
    with pytest.raises(UsageError, match="expected a folder of one component"):
        StoredWeights(tmp_path / "nothing", blueprint)
    tower.save_pretrained(tmp_path, max_shard_size="500KB")
    index = json.loads((tmp_path / f"{FILE}.index.json").read_text())
    (tmp_path / index["weight_map"]["head.head.bias"]).unlink()
    with pytest.raises(StaleError, match="is missing, but the index beside it names it"):
        StoredWeights(tmp_path, blueprint)
