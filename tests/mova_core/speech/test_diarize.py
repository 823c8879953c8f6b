"""pyannote.audio's own pipeline runs from local parts; what is not the stated part is refused."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mova_core.errors import UsageError
from mova_core.params import Weights, WeightsParams, params_from
from mova_core.params.speech import DiarizationParams
from mova_core.speech.diarize import Diarizer, configured_parts
from mova_core.speech.turns import Turn
from mova_core.storage.hashing import sha256_file
from tests.mova_core.speech.pyannote_parts import (
    FIRST,
    FIRST_AND_THIRD,
    NOBODY,
    write_embedding,
    write_plda,
    write_segmentation,
)

NOISE = np.random.default_rng(0).normal(0, 0.1, 64_000).astype(np.float32)  # 4 s


def stated(path):
    return Weights(path=str(path), sha256=sha256_file(path))


@pytest.fixture(scope="module")
def embedding(tmp_path_factory):
    return write_embedding(tmp_path_factory.mktemp("embedding") / "embedding.safetensors")


@pytest.fixture
def params(tmp_path, embedding):
    """Function that writes the parts, some as told, and states them."""

    def write(chosen=FIRST, embedding=embedding, step=0.5, **arrays):
        segmentation = write_segmentation(tmp_path / "segmentation.safetensors", chosen)
        transform, plda = write_plda(tmp_path, **arrays)
        diarization = DiarizationParams(
            embedding=stated(embedding), plda_transform=stated(transform), plda=stated(plda), step=step
        )
        return WeightsParams(pyannote=stated(segmentation)), diarization

    return write


@pytest.mark.parametrize(("chosen", "speakers"), [(NOBODY, 0), (FIRST, 1), (FIRST_AND_THIRD, 2)])
def test_the_pipeline_says_who_speaks(params, chosen, speakers):
    weights, diarization = params(chosen)
    diarizer = Diarizer(configured_parts(weights, diarization), diarization)
    turns = diarizer(NOISE)
    assert turns == diarizer(NOISE)
    assert len({turn.speaker for turn in turns}) == len(turns) == speakers
    for turn in turns:
        assert (turn.start_s, turn.end_s) == (pytest.approx(0, abs=0.1), pytest.approx(4, abs=0.1))
        assert turn.end_s <= 4
    assert diarizer(NOISE[:0]) == ()


def test_audio_longer_than_the_window_goes_in_windows(params):
    weights, diarization = params()
    one_speaker = diarization.model_copy(update={"most_speakers": 1})
    diarizer = Diarizer(configured_parts(weights, one_speaker), one_speaker)
    assert diarizer(np.tile(NOISE, 3)) == (Turn(pytest.approx(0, abs=0.1), pytest.approx(12, abs=0.1), "SPEAKER_00"),)


def test_without_parts_there_is_no_pipeline(params):
    weights, diarization = params()
    assert configured_parts(WeightsParams(), DiarizationParams()) is None
    assert configured_parts(weights, DiarizationParams()) is None
    with pytest.raises(UsageError, match=r"weights\.pyannote is not"):
        configured_parts(WeightsParams(), diarization)
    with pytest.raises(UsageError, match="plda_transform and plda missing: expected all of"):
        params_from({"speech": {"diarization": {"embedding": diarization.embedding.model_dump()}}})


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"size": 64, "mean1": np.zeros(128)}, r"mean1 has shape \[128\]: expected finite numbers of shape \[256\]"),
        ({"tr": np.eye(64)}, r"plda\.npz, whose tr has shape \[64, 64\]"),
        ({"lda": np.zeros(256)}, "mean2 has shape"),
        ({"psi": np.full(128, np.nan)}, "expected finite numbers"),
        ({"mu": np.arange(128)}, "mu holds int64: expected floating point"),
        ({"lda": np.array([{"a": 1}], dtype=object)}, "holds no arrays mean1, mean2, lda"),
    ],
)
def test_arrays_of_another_form_are_refused_and_never_unpickled(params, arrays, told):
    with pytest.raises(UsageError, match=told):
        configured_parts(*params(**arrays))


def test_a_part_that_is_not_the_stated_one_is_refused(params, tmp_path):
    weights, diarization = params()
    wrong = diarization.embedding.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(UsageError, match=r"diarization\.embedding: .* has sha256 [0-9a-f]{64}, expected 0000"):
        configured_parts(weights, diarization.model_copy(update={"embedding": wrong}))
    other = tmp_path / "other.safetensors"
    save_file({"resnet.conv1.weight": torch.zeros(8, 1, 3, 3)}, other)
    with pytest.raises(UsageError, match=r"has resnet\.conv1\.weight of shape \[8, 1, 3, 3\]"):
        configured_parts(*params(embedding=other))
    weights, diarization = params()
    for name, told in (("pytorch_model.bin", r"expected a \.safetensors file"), ("none.safetensors", "no such file")):
        with pytest.raises(UsageError, match=told):
            absent = Weights(path=str(tmp_path / name), sha256="0" * 64)
            configured_parts(weights, diarization.model_copy(update={"embedding": absent}))
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(UsageError, match="holds no arrays"):
        configured_parts(weights, diarization.model_copy(update={"plda": stated(damaged)}))
