"""EAT loads the published names and shapes and gives what the published code gives for the same weights."""

import hashlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mova_core.curation.assess.measure_clip import measure_clip
from mova_core.curation.assess.measure_groups import measuring
from mova_core.errors import UsageError
from mova_core.measures.clip import Unavailable
from mova_core.measures.models.eat.adapter import WINDOW, check, filter_banks, load
from mova_core.measures.models.eat.network import Eat, EatSizes
from mova_core.media.encode import write_media
from mova_core.params import params_from

TINY = EatSizes(width=128, feed_forward=512, blocks=2, positions=64 * 8, classes=30)
LARGE = EatSizes(width=1024, feed_forward=4096, blocks=24)
# Of the lines "name shape", sorted, that the authors' model on Hugging Face has (modules of cwx-worst-one/EAT 06c1c34).
NAMES_SHA256 = {
    EatSizes(): "db93e3168dcbb77aff4e262a6988f88f86a3434864af8c6f6925337ebb1e5d4a",
    LARGE: "916dbcc61acad7284ad089c5f43d83ab1837aa7bb0b4e0fa32768106d9c6a38d",
}
# What those modules give for the drawn weights and 3.1 s of tones at 16 kHz: classes 0, 5 and 27.
PROBABILITIES = [0.31487, 0.50170, 0.55492]


@pytest.fixture
def weights(tmp_path, drawn_weights):
    tensors = drawn_weights(Eat(TINY).state_dict())
    path = tmp_path / "model.safetensors"
    save_file(tensors, path)
    return path, tensors


@pytest.mark.parametrize("sizes", NAMES_SHA256)
def test_names_and_shapes_are_the_published_ones(sizes):
    with torch.device("meta"):
        state = Eat(sizes).state_dict()
    lines = sorted(f"{name} {list(tensor.shape)}" for name, tensor in state.items())
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == NAMES_SHA256[sizes]
    assert EatSizes.of({name: tuple(tensor.shape) for name, tensor in state.items()}) == sizes


def test_the_values_are_those_of_the_published_code(weights, tones):
    check(weights[0])
    found = load(weights[0]).probabilities(tones(3.1, 16_000), 16_000)
    np.testing.assert_allclose(found[[0, 5, 27]], PROBABILITIES, atol=1e-4)


def test_a_clip_has_speech_and_singing_or_their_reason(weights, tones, audio_clip):
    measure = load(weights[0])
    found = measure(audio_clip(tones(3.1, 48_000), 48_000))
    assert found == {"eat_speech": pytest.approx(0.31487, abs=0.01), "eat_singing": pytest.approx(0.55492, abs=0.01)}
    assert found == measure(audio_clip(tones(3.1, 48_000), 48_000))
    for audio, told in ((np.zeros(8000, np.float32), "silent"), (tones(0.02, 16_000), "the model needs 0.025 s")):
        reasons = measure(audio_clip(audio, 16_000)).values()
        assert all(isinstance(reason, Unavailable) and told in reason.reason for reason in reasons)


def test_a_window_is_filled_with_zeros_before_it_is_normalised(tones):
    seen = filter_banks(tones(1, 16_000))
    assert seen.shape == (1024, 128)
    np.testing.assert_allclose(seen[98:], 4.268 / (2 * 4.569), rtol=1e-6)
    assert filter_banks(tones(11, 16_000)[:WINDOW])[-1].std() > 0.1  # 1024 frames fit
    np.testing.assert_allclose(filter_banks(tones(1, 16_000) + 0.2), seen, atol=1e-2)  # an offset is taken out


def test_longer_audio_is_the_mean_of_its_windows_by_length(weights, tones):
    tagger = load(weights[0])
    audio = tones(14, 16_000)
    first, second = (tagger.probabilities(part, 16_000) for part in (audio[:WINDOW], audio[WINDOW:]))
    share = WINDOW / len(audio)
    found = tagger.probabilities(audio, 16_000)
    np.testing.assert_allclose(found, share * first + (1 - share) * second, atol=1e-6)
    assert np.abs(first - second).max() > 1e-3


def test_assess_measures_with_configured_weights(weights, tones, tmp_path):
    path, _ = weights
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    chosen = measuring(params_from({"weights": {"eat": {"path": str(path), "sha256": sha256}}}))
    frames = np.zeros((4, 48, 48, 3), np.uint8)
    write_media(tmp_path / "clip.mp4", frames, 4, tones(1, 48_000), 48_000)
    row = measure_clip((tmp_path / "clip.mp4").read_bytes(), {"fps": 4.0, "audio_rate_hz": 48_000}, chosen)
    expected = load(path).probabilities(tones(1, 48_000), 48_000)
    assert row["eat_speech"] == pytest.approx(expected[0], abs=0.02)  # what AAC leaves of it
    assert row["eat_singing"] == pytest.approx(expected[27], abs=0.02)


def test_other_weights_are_refused(weights, drawn_weights):
    path, tensors = weights
    save_file({**tensors, "model.decoder.weight": torch.zeros(2)}, path)
    with pytest.raises(UsageError, match=r"holds the unknown model\.decoder\.weight: expected model\.saf"):
        check(path)
    save_file(drawn_weights(Eat(EatSizes(128, 512, 1, 64, classes=10)).state_dict()), path)
    with pytest.raises(UsageError, match="tells 10 classes apart, not the 527 of AudioSet"):
        check(path)
    save_file({name: tensor for name, tensor in tensors.items() if "head" not in name}, path)
    with pytest.raises(UsageError, match=r"has no model\.blocks\.2\.norm1\.weight"):
        check(path)
