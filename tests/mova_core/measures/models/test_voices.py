"""Voices are counted from the classes that pyannote.audio's network gives, by weights that are safetensors of it."""

import hashlib
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mova_core.curation.assess.measure_groups import measuring, unavailable_measures
from mova_core.errors import UsageError
from mova_core.measures.clip import Clip, Unavailable
from mova_core.measures.models.voices import check, load
from mova_core.params import Params, params_from
from mova_core.speech.segmentation_network import CLASSES
from tests.mova_core.speech.pyannote_parts import FIRST, FIRST_AND_THIRD, NOBODY, write_segmentation


def clip(seconds, rate_hz=48_000):
    audio = np.random.default_rng(0).normal(0, 0.1, round(seconds * rate_hz)).astype(np.float32)
    return Clip(np.zeros((1, 8, 8, 3), np.uint8), audio, 24.0, rate_hz)


@pytest.fixture
def weights(tmp_path):
    """Function that writes a small network that gives one class, whatever the audio."""
    return partial(write_segmentation, tmp_path / "pyannote.safetensors")


@pytest.mark.parametrize(("chosen", "voices"), [(NOBODY, 0), (FIRST, 1), (FIRST_AND_THIRD, 2)])
def test_voices_that_the_network_hears_are_counted(weights, chosen, voices):
    measure = load(weights(chosen))
    assert measure(clip(2.06, 16_000)) == measure(clip(8.04)) == {"voices": voices}
    for seconds in (0, 0.1, 10.5):
        assert isinstance(measure(clip(seconds))["voices"], Unavailable)


def test_weights_are_checked_before_anything_is_measured(weights, tmp_path):
    path = weights(NOBODY)
    check(path)
    stated = {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    params = params_from({"weights": {"pyannote": stated}})
    assert [model.name for model in measuring(params).models] == ["pyannote"]
    assert "voices" not in unavailable_measures(params)
    assert unavailable_measures(Params())["voices"] == "params weights.pyannote is not configured"
    with pytest.raises(UsageError, match=f"4 classes: expected .* of {CLASSES} powerset classes"):
        check(weights(NOBODY, voices=2))
    save_file({"other": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(UsageError, match=r"has no classifier\.weight"):
        check(tmp_path / "other.safetensors")
    (tmp_path / "none.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(UsageError, match="is no safetensors file"):
        check(tmp_path / "none.safetensors")
