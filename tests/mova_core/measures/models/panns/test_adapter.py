"""Cnn14 loads the published names and shapes and gives what the published code gives for the same weights."""

import hashlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mova_core.errors import UsageError
from mova_core.measures.clip import Unavailable
from mova_core.measures.models.panns.adapter import check, load
from mova_core.measures.models.panns.front_end import FILTERS, saved_layers
from mova_core.measures.models.panns.network import Cnn14, Cnn14Sizes

TINY = Cnn14Sizes(channels=(4, 4, 8, 8, 8, 16), classes=10)
NAMES_SHA256 = "5d6b8128f1c1dccff56ce2021645e5b2d63a2d2710f4bcd28d7f73053a4f0b5c"
"""Of the lines "name shape", sorted, of the published class (qiuqiangkong/audioset_tagging_cnn d2f4b8c)."""
# What that class gives for the drawn weights and 1.2 s of tones at 32 kHz, filled with zeros to 10 s.
EMBEDDING = [1.60044, 0, 1.03156, 0.09094, 0.34888, 0.18888, 0, 1.58725, 0, 0, 0, 0, 0, 1.59389, 0, 0]
LOGITS = [0.3135, -1.3745, -0.2085, 0.9626, 0.6893, -0.329, -2.2176, 0.9342, 1.2164, -1.6152]


@pytest.fixture
def weights(tmp_path, drawn_weights):
    tensors = drawn_weights(Cnn14(TINY).state_dict())
    tensors |= {name: torch.from_numpy(values) for name, values in saved_layers().items()}
    path = tmp_path / "cnn14.safetensors"
    save_file(tensors, path)
    return path, tensors


def test_names_and_shapes_are_the_published_ones():
    with torch.device("meta"):
        state = Cnn14(Cnn14Sizes()).state_dict()
    lines = sorted(f"{name} {list(tensor.shape)}" for name, tensor in state.items())
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == NAMES_SHA256
    assert Cnn14Sizes.of({name: tuple(tensor.shape) for name, tensor in state.items()}) == Cnn14Sizes()


def test_the_values_are_those_of_the_published_code(weights, tones):
    check(weights[0])
    panns = load(weights[0])
    output = panns.output(tones(1.2, 32_000), 32_000)
    np.testing.assert_allclose(output.embedding, EMBEDDING, atol=1e-4)
    np.testing.assert_allclose(output.logits, LOGITS, atol=1e-3)


def test_probabilities_are_a_distribution_at_any_rate(weights, tones):
    panns = load(weights[0])
    found = panns.probabilities(tones(1.2, 48_000), 48_000)
    np.testing.assert_allclose(found, np.exp(LOGITS) / np.exp(LOGITS).sum(), atol=0.01)
    assert found.sum() == pytest.approx(1)
    np.testing.assert_array_equal(found, panns.probabilities(tones(1.2, 48_000), 48_000))


def test_the_first_10_s_are_seen(weights, tones):
    panns, audio = load(weights[0]), tones(11, 32_000)
    first = panns.embed(audio[:320_000], 32_000)
    assert (first.shape, first.dtype) == ((16,), np.float32)
    np.testing.assert_array_equal(panns.embed(audio, 32_000), first)
    assert np.abs(panns.embed(audio[:160_000], 32_000) - first).max() > 1e-5


@pytest.mark.parametrize(("samples", "reason"), [(1023, "the model needs 0.032 s"), (0, "no audio")])
def test_what_is_too_short_has_a_reason(weights, tones, samples, reason):
    found = load(weights[0]).probabilities(tones(1, 32_000)[:samples], 32_000)
    assert isinstance(found, Unavailable) and reason in found.reason


def test_other_weights_are_refused(weights):
    path, tensors = weights
    save_file({**tensors, FILTERS: tensors[FILTERS].roll(1, 0)}, path)
    check(path)  # names and shapes are right
    with pytest.raises(UsageError, match=r"melW that is .* of its largest weight away from the front end of Cnn14 at"):
        load(path)
    save_file({**tensors, "fc1.bias": torch.zeros(3)}, path)
    with pytest.raises(UsageError, match=r"fc1\.bias of shape \[3\], not \[16\]: expected the state_dict of PANNs"):
        check(path)
    save_file({name: tensor for name, tensor in tensors.items() if "bn1" not in name}, path)
    with pytest.raises(UsageError, match=r"has no conv_block1\.bn1\.weight \(and 23 more\)"):
        check(path)
