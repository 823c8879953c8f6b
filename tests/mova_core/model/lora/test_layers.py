"""LoRA layers as they are trained, and the file of an adapter of ours."""

import re

import pytest
from peft import LoraConfig
from safetensors.torch import load_file, save_file

from mova_core.errors import StaleError, UsageError
from mova_core.model.lora.adapter import WEIGHTS_FILE, Adapter, config_fields
from mova_core.model.lora.layers import adapter_parameters, attach
from mova_core.model.weights.fresh import preset_dual_tower
from tests.mova_core.model.lora.tiny_towers import LORA, PARAMS, save_own_adapter, towers

RELEASED_KEY = re.compile(
    r"(video_dit|video_dit_2|audio_dit)\.blocks\.\d+\.(self_attn\.[qo]|cross_attn\.[qo]|ffn\.0)\.lora_[AB]\.weight|"
    r"dual_tower_bridge\.(audio_to_video|video_to_audio)_conditioners\.\d+\.inner\.[qo]\.lora_[AB]\.weight"
)


def test_keys_are_those_of_released_lora_files_and_the_config_is_pefts(adapter):
    stored = load_file(adapter.folder / WEIGHTS_FILE)
    assert all(RELEASED_KEY.fullmatch(key) for key in stored)
    assert len(stored) == 2 * (3 * 5 + 2 * 2)  # A and B; three towers of one block, two directions of the Bridge
    block, direction = "video_dit.blocks.0.ffn.0", "dual_tower_bridge.video_to_audio_conditioners.0.inner.q"
    assert stored[f"{block}.lora_A.weight"].shape == (2, 24) and stored[f"{block}.lora_B.weight"].shape == (32, 2)
    assert stored[f"{direction}.lora_B.weight"].shape == (24, 2)
    config = LoraConfig.from_pretrained(adapter.folder)
    assert (config.r, config.lora_alpha, config.lora_dropout) == (2, 6.0, 0.0)


def test_only_the_layers_of_the_named_components_are_adapted():
    model = preset_dual_tower(PARAMS)
    attach(model, config_fields(LORA.model_copy(update={"components": ("audio_dit",)})))
    assert {key.partition(".")[0] for key, _ in adapter_parameters(model)} == {"audio_dit"}
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert learning and all(".lora_" in name for name in learning)


def test_an_adapter_of_other_weights_is_refused(adapter, tmp_path):
    base = adapter.folder.parent / "base"
    adapter.check_base(base)
    other = towers()
    other.audio_dit.head.head.bias.data += 1
    other.save_pretrained(tmp_path)
    with pytest.raises(StaleError, match=r"belongs to checkpoint bbbb.*audio_dit has sha256 .* train it on this one"):
        adapter.check_base(tmp_path)


def test_a_damaged_folder_is_refused_before_it_is_loaded(adapter, tmp_path):
    with pytest.raises(UsageError, match=r"is no LoRA adapter: manifest.json is missing.*mova train --lora"):
        Adapter.read(tmp_path)
    damaged = save_own_adapter(tmp_path / "damaged", adapter.folder.parent / "base").folder
    save_file({}, damaged / WEIGHTS_FILE)
    with pytest.raises(StaleError, match=rf"{WEIGHTS_FILE} has \d+ bytes, the manifest lists"):
        Adapter.read(damaged)
