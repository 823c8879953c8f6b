"""Mel spectrogram in decibels, as the onset detector and DNSMOS were tuned on it.

Conventions: the signal is padded with zeros so that frame k is centred at sample k * hop; Hann window, power; Slaney's
mel scale (linear to 1 kHz, then logarithmic) with filters of equal area from 0 Hz to half the rate.
The values are librosa's within float32. librosa itself is not called: its compiled functions take 40 s at first, and
processes that compile them into one cache at the same time can leave a cache that crashes all who load it.
Source: M. Slaney, "Auditory Toolbox", version 2 (1998), mel filter bank.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

LINEAR_HZ_PER_MEL = 200 / 3
LOG_FROM_HZ = 1000.0
LOG_STEP = np.log(6.4) / 27  # from one mel to the next, above 1 kHz
FLOOR_POWER = 1e-10
RANGE_DB = 80.0


def mel_spectrogram_db(
    audio: NDArray[np.float32], rate_hz: int, window: int, hop: int, bands: int
) -> NDArray[np.float32]:
    """Power in mel bands [bands, frames], in dB re 1; nothing lies more than 80 dB below the largest.

    Args:
        audio: mono float32 [S].
        rate_hz: samples per second.
        window: samples of one frame.
        hop: samples from one frame to the next.
        bands: mel bands.
    """
    padded = np.pad(audio.astype(np.float32), window // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    power = np.abs(np.fft.rfft(frames * hann.astype(np.float32))) ** 2
    mel = _filters(rate_hz, window, bands) @ power.T
    decibels = 10 * np.log10(np.maximum(mel, FLOOR_POWER))
    return np.maximum(decibels, decibels.max() - RANGE_DB).astype(np.float32)


@cache
def _filters(rate_hz: int, window: int, bands: int) -> NDArray[np.float32]:
    """Weights of each band's triangle over the bins of the spectrum, [bands, window // 2 + 1]."""
    edges_hz = _hz(np.linspace(0, _mel(rate_hz / 2), bands + 2))
    bins_hz = np.fft.rfftfreq(window, 1 / rate_hz)
    low, middle, high = (edges_hz[start : start + bands, None] for start in range(3))
    triangles = np.minimum((bins_hz - low) / (middle - low), (high - bins_hz) / (high - middle))
    return (np.maximum(triangles, 0) * 2 / (high - low)).astype(np.float32)


def _mel(hz: float) -> float:
    """A frequency of at least 1 kHz on the mel scale."""
    return LOG_FROM_HZ / LINEAR_HZ_PER_MEL + np.log(hz / LOG_FROM_HZ) / LOG_STEP


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    beyond = mel - LOG_FROM_HZ / LINEAR_HZ_PER_MEL
    return np.where(beyond < 0, mel * LINEAR_HZ_PER_MEL, LOG_FROM_HZ * np.exp(LOG_STEP * np.maximum(beyond, 0)))
