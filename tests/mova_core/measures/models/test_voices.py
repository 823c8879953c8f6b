"""Voices are counted from the classes that pyannote.audio's network gives, by weights that are safetensors of it."""

import hashlib
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mova_core.curation.assess.measure_groups import measuring, unavailable_measures
from mova_core.errors import UsageError
from mova_core.measures.clip import Clip, Unavailable
from mova_core.measures.models.voices import CLASSES, check, load
from mova_core.params import Params, params_from

NOBODY, FIRST, FIRST_AND_THIRD = 0, 1, 5


def clip(seconds, rate_hz=48_000):
    audio = np.random.default_rng(0).normal(0, 0.1, round(seconds * rate_hz)).astype(np.float32)
    return Clip(np.zeros((1, 8, 8, 3), np.uint8), audio, 24.0, rate_hz)


@pytest.fixture
def weights(tmp_path):
    """Function that writes a small network that gives one class, whatever it hears."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchcodec is not there
        from pyannote.audio.core.task import Problem, Resolution, Specifications
        from pyannote.audio.models.segmentation import PyanNet

    def write(chosen, classes=("a", "b", "c")):
        network = PyanNet(lstm={"hidden_size": 8, "num_layers": 2}, linear={"hidden_size": 8, "num_layers": 1})
        network.specifications = Specifications(
            problem=Problem.MONO_LABEL_CLASSIFICATION,
            resolution=Resolution.FRAME,
            duration=10.0,
            classes=list(classes),
            powerset_max_classes=2,
            permutation_invariant=True,
        )
        network.build()
        with torch.no_grad():
            network.classifier.weight.zero_()
            network.classifier.bias.copy_(
                torch.nn.functional.one_hot(torch.tensor(chosen), len(network.classifier.bias))
            )
        save_file(network.state_dict(), tmp_path / "pyannote.safetensors")
        return tmp_path / "pyannote.safetensors"

    return write


@pytest.mark.parametrize(("chosen", "voices"), [(NOBODY, 0), (FIRST, 1), (FIRST_AND_THIRD, 2)])
def test_voices_that_the_network_hears_are_counted(weights, chosen, voices):
    measure = load(weights(chosen))
    assert measure(clip(2.06, 16_000)) == measure(clip(8.04)) == {"voices": voices}
    assert isinstance(measure(clip(10.5))["voices"], Unavailable)


def test_weights_are_checked_before_anything_is_measured(weights, tmp_path):
    path = weights(NOBODY)
    check(path)
    stated = {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    params = params_from({"weights": {"pyannote": stated}})
    assert [model.name for model in measuring(params).models] == ["pyannote"]
    assert "voices" not in unavailable_measures(params)
    assert unavailable_measures(Params())["voices"] == "params weights.pyannote is not configured"
    with pytest.raises(UsageError, match=f"4 classes: expected .* of {CLASSES} powerset classes"):
        check(weights(NOBODY, classes=("a", "b")))
    save_file({"other": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(UsageError, match=r"has no classifier\.weight"):
        check(tmp_path / "other.safetensors")
    (tmp_path / "none.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(UsageError, match="is no safetensors file"):
        check(tmp_path / "none.safetensors")
