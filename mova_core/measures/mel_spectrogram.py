"""Mel spectrogram in decibels, as the onset detector, DNSMOS and PANNs were tuned on it.

Conventions: the signal is padded so that frame k is centred at sample k * hop; periodic Hann window, power; filters on
Slaney's mel scale (`mel_filters`).
The values are librosa's within float32. librosa itself is not called: its compiled functions take 40 s at first, and
processes that compile them into one cache at the same time can leave a cache that crashes all who load it.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.mel_filters import slaney_filters

FLOOR_POWER = 1e-10
RANGE_DB = 80.0


@dataclass(frozen=True, slots=True)
class MelSettings:
    """What a mel spectrogram is made by.

    Args:
        rate_hz: samples per second.
        window: samples of one frame.
        hop: samples from one frame to the next.
        bands: mel bands.
        low_hz: where the lowest band begins.
        high_hz: where the highest band ends; None = half the rate.
        padding: what stands before and after the signal: zeros, or the signal mirrored.
    """

    rate_hz: int
    window: int
    hop: int
    bands: int
    low_hz: float = 0.0
    high_hz: float | None = None
    padding: Literal["constant", "reflect"] = "constant"


def mel_decibels(audio: NDArray[np.float32], settings: MelSettings) -> NDArray[np.float32]:
    """Power in mel bands [bands, frames], in dB re 1, at least -100 dB.

    Args:
        audio: mono float32 [S]; over half a window of samples where it is mirrored.
        settings: of the spectrogram.
    """
    window = settings.window
    padded = np.pad(audio.astype(np.float32), window // 2, mode=settings.padding)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[:: settings.hop]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    power = np.abs(np.fft.rfft(frames * hann.astype(np.float32))) ** 2
    filters = slaney_filters(settings.rate_hz, window, settings.bands, settings.low_hz, settings.high_hz)
    decibels = 10 * np.log10(np.maximum(filters @ power.T, FLOOR_POWER))
    return decibels.astype(np.float32)


def mel_spectrogram_db(
    audio: NDArray[np.float32], rate_hz: int, window: int, hop: int, bands: int
) -> NDArray[np.float32]:
    """Power in mel bands [bands, frames] up to half the rate, in dB re 1, none over 80 dB below the largest.

    Args:
        audio: mono float32 [S].
        rate_hz: samples per second.
        window: samples of one frame.
        hop: samples from one frame to the next.
        bands: mel bands.
    """
    decibels = mel_decibels(audio, MelSettings(rate_hz, window, hop, bands))
    return np.maximum(decibels, decibels.max() - RANGE_DB)
