"""Audio reaches a model at its rate and in its windows, or a reason says why not."""

import numpy as np
import pytest

from mova_core.errors import ShapeError
from mova_core.measures.clip import Unavailable
from mova_core.measures.models.audio_input import model_audio, resample, windows


@pytest.mark.parametrize(
    ("rate_hz", "wanted_hz"), [(48_000, 16_000), (48_000, 32_000), (44_100, 16_000), (16_000, 48_000)]
)
def test_a_tone_keeps_its_frequency_level_and_length(rate_hz, wanted_hz):
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate_hz // 2) / rate_hz).astype(np.float32)
    found = resample(tone, rate_hz, wanted_hz)
    assert (len(found), found.dtype) == (wanted_hz // 2, np.float32)
    expected = np.sin(2 * np.pi * 1000 * np.arange(len(found)) / wanted_hz)
    np.testing.assert_allclose(found[400:-400], expected[400:-400], atol=2e-3)


def test_what_the_lower_rate_cannot_hold_is_filtered_out():
    tone = np.sin(2 * np.pi * 12_000 * np.arange(24_000) / 48_000).astype(np.float32)
    assert np.abs(resample(tone, 48_000, 16_000)[50:-50]).max() < 3e-3  # -50 dB


@pytest.mark.parametrize(("rate_hz", "wanted_hz"), [(48_000, 16_000), (44_100, 16_000), (22_050, 32_000)])
def test_the_values_are_torchaudios(rate_hz, wanted_hz):
    functional = pytest.importorskip("torchaudio.functional")
    import torch

    noise = np.random.default_rng(0).normal(0, 0.1, rate_hz // 10 + 7).astype(np.float32)
    expected = functional.resample(torch.from_numpy(noise), rate_hz, wanted_hz).numpy()
    np.testing.assert_allclose(resample(noise, rate_hz, wanted_hz), expected, atol=2e-5)


def test_what_a_model_cannot_take_has_a_reason(tones):
    audio = tones(0.5, 48_000)
    assert len(model_audio(audio, 48_000, 16_000, 8000)) == 8000
    broken = audio.copy()
    broken[7] = np.nan
    for given, told in (
        (broken, "no numbers"),
        (np.zeros(48_000, np.float32), "silent"),
        (audio[:0], "no audio"),
        (audio[:20_000], "lasts 0.417 s, and the model needs 0.5 s"),
    ):
        found = model_audio(given, 48_000, 16_000, 8000)
        assert isinstance(found, Unavailable) and told in found.reason
    with pytest.raises(ShapeError, match=r"shape \[24000, 2\], expected mono"):
        model_audio(np.stack([audio, audio], axis=1), 48_000, 16_000, 8000)


@pytest.mark.parametrize(
    ("samples", "least", "lengths"), [(10, 1, [10]), (20, 1, [10, 10]), (21, 1, [10, 10, 1]), (21, 2, [10, 10])]
)
def test_windows_lie_back_to_back(samples, least, lengths):
    parts = windows(np.arange(samples, dtype=np.float32), 10, least)
    assert [len(part) for part in parts] == lengths
    assert np.concatenate(parts).tolist() == list(range(sum(lengths)))
