"""A signal at another rate is the same signal, and the one that torchaudio gives."""

import numpy as np
import pytest

from mova_core.media.audio.resample import resample


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


def test_nothing_stays_nothing():
    assert len(resample(np.zeros(0, np.float32), 48_000, 16_000)) == 0
