"""Audiobox-aesthetics loads the published names and gives what the published code gives for the same weights."""

import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mova_core.errors import UsageError
from mova_core.measures.clip import Unavailable
from mova_core.measures.models.audiobox.adapter import check, load
from mova_core.measures.models.audiobox.network import Aesthetics, WavLMSizes
from mova_core.measures.models.audiobox.published import AXES, AudioboxConfig

TINY = WavLMSizes((16,) * 7, WavLMSizes().kernels, 32, 48, layers=2, heads=4, position_kernel=16, position_groups=4)
SCALES = {axis: {"mean": 5.0 + number, "std": 1.5 + number / 4} for number, axis in enumerate(AXES)}
CONFIG = {"proj_num_layer": 2, "proj_ln": True, "target_transform": SCALES, "nth_layer": 3, "freeze_encoder": True}
NAMES_SHA256 = "f038bbdaad940ef7c33d367ed5f35221d3f56f24cae516faf90e461280f4a16d"
"""Of the lines "name shape", sorted, of the published class with two layers a head, normalisation and dropout
(facebookresearch/audiobox-aesthetics 2618e9d)."""
# What the published classes give for the drawn weights and tones of so many seconds at 16 kHz.
SCORES = {
    2.3: {"CE": 4.37605, "CU": 7.99344, "PC": 7.86831, "PQ": 4.99294},
    11.0: {"CE": 4.36819, "CU": 8.01749, "PC": 7.94024, "PQ": 4.90622},
}


@pytest.fixture
def weights(tmp_path, drawn_weights):
    network = Aesthetics(TINY, AudioboxConfig.model_validate(CONFIG))
    tensors = drawn_weights(network.state_dict())
    path = tmp_path / "model.safetensors"
    save_file(tensors, path)
    path.with_name("config.json").write_text(json.dumps(CONFIG))
    return path, tensors


def test_names_and_shapes_are_the_published_ones():
    config = AudioboxConfig.model_validate({**CONFIG, "proj_dropout": 0.1})
    with torch.device("meta"):
        state = Aesthetics(WavLMSizes(), config).state_dict()
    lines = sorted(f"{name} {list(tensor.shape)}" for name, tensor in state.items())
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == NAMES_SHA256
    assert WavLMSizes.of({name: tuple(tensor.shape) for name, tensor in state.items()}) == WavLMSizes()


@pytest.mark.parametrize("seconds", SCORES)
def test_the_values_are_those_of_the_published_code(weights, tones, seconds):
    check(weights[0])
    assert load(weights[0]).scores(tones(seconds, 16_000), 16_000) == pytest.approx(SCORES[seconds], abs=1e-3)


def test_a_clip_has_a_measure_an_axis_or_the_reason(weights, tones, audio_clip):
    measure = load(weights[0])
    found = measure(audio_clip(tones(2.3, 48_000), 48_000))
    expected = {f"audiobox_{axis.lower()}": score for axis, score in SCORES[2.3].items()}
    assert found == pytest.approx(expected, abs=0.05)
    assert found == measure(audio_clip(tones(2.3, 48_000), 48_000))
    for audio, told in ((np.zeros(8000, np.float32), "silent"), (tones(0.02, 16_000), "the model needs 0.025 s")):
        reasons = measure(audio_clip(audio, 16_000)).values()
        assert all(isinstance(reason, Unavailable) and told in reason.reason for reason in reasons)


def test_other_weights_and_settings_are_refused(weights):
    path, tensors = weights
    config = path.with_name("config.json")
    config.write_text(json.dumps({**CONFIG, "proj_num_layer": 3}))
    with pytest.raises(UsageError, match=r"has no proj_layer\.CE\.4\.weight \(and 15 more\): expected model\.s"):
        check(path)
    config.write_text(json.dumps({**CONFIG, "target_transform": {"CE": SCALES["CE"]}}))
    with pytest.raises(UsageError, match=r"config\.json is not the .* \(target_transform\.CU: .*\): bring that one"):
        check(path)
    config.unlink()
    with pytest.raises(UsageError, match=r"has no config\.json beside it, with mean and std of each axis"):
        check(path)
    config.write_text(json.dumps(CONFIG))
    name = "wavlm_model.encoder.layers.1.self_attn.grep_a"
    save_file({**tensors, name: torch.zeros(1, 2, 1, 1)}, path)
    with pytest.raises(UsageError, match=r"layers\.1\.self_attn\.grep_a of shape \[1, 2, 1, 1\], not \[1, 4, 1, 1\]"):
        check(path)
