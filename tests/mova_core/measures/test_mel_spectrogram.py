"""The mel spectrogram is the one that onset detector and DNSMOS were tuned on."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import chirp

from mova_core.measures.mel_spectrogram import MelSettings, mel_decibels, mel_spectrogram_db

# By settings, what librosa 0.11 gives (power_to_db of feature.melspectrogram): bands 0, 1/4, 1/2 and last of the first
# and the last frame, and the mean of all.
LIBROSA = {
    (16_000, 321, 160, 120): (
        [[-28.997, -63.303], [-30.454, -63.303], [-19.389, -63.303], [-29.009, -63.303]],
        -56.600876,
    ),
    (22_050, 2048, 512, 128): (
        [[4.019, -24.041], [-3.759, -23.587], [-11.362, -22.763], [-22.354, -23.874]],
        -39.530838,
    ),
}


@pytest.mark.parametrize("settings", LIBROSA)
def test_the_values_are_librosas(settings):
    rate_hz, window, hop, bands = settings
    sweep = 0.5 * chirp(np.arange(rate_hz // 2) / rate_hz, 100, 0.5, 6000)
    found = mel_spectrogram_db(sweep.astype(np.float32), rate_hz, window, hop, bands)
    frames = found.shape[1]
    assert found.shape == (bands, 1 + (len(sweep) - window % 2) // hop)
    some = found[np.ix_([0, bands // 4, bands // 2, bands - 1], [0, frames - 1])]
    values, mean = LIBROSA[settings]
    np.testing.assert_allclose(some, values, atol=2e-3)
    assert found.mean() == pytest.approx(mean, abs=1e-4)


def test_a_mirrored_signal_has_no_step_at_its_ends():
    settings = MelSettings(16_000, 512, 160, 40, low_hz=50, high_hz=7000, padding="reflect")
    tone = np.cos(2 * np.pi * 1000 * np.arange(1600) / 16_000).astype(np.float32)
    mirrored = mel_decibels(tone, settings)
    assert mirrored.shape == (40, 11)
    np.testing.assert_allclose(mirrored[:, 0].max(), mirrored[:, 5].max(), atol=0.1)
    padded = mel_decibels(tone, replace(settings, padding="constant"))
    assert padded[:, 0].max() < padded[:, 5].max() - 3  # half a window of zeros


def test_silence_lies_on_the_floor():
    silence = mel_decibels(np.zeros(1000, np.float32), MelSettings(16_000, 512, 160, 40))
    np.testing.assert_allclose(silence, -100, atol=1e-4)
