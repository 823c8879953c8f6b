"""Mel-frequency cepstral coefficients as SyncNet was trained on them.

Those of the package python_speech_features with its defaults, which has had no release since 2017 and is not taken:
16-bit scale, pre-emphasis 0.97, windows of 25 ms every 10 ms without a taper, 512-point power spectrum, 26 mel filters
whose corners lie on whole FFT bins, 13 coefficients lifted by 22, the first replaced by the log energy.
Source: jameslyons/python_speech_features, `base.py` and `sigproc.py`.
"""

from functools import cache
from math import ceil

import numpy as np
from numpy.typing import NDArray

COEFFICIENTS, FILTERS, FFT = 13, 26, 512
WINDOW_S, STEP_S = 0.025, 0.010
PRE_EMPHASIS = 0.97
LIFTER = 22
INT16 = 32_768
EPS = np.finfo(float).eps


def mfcc(audio: NDArray[np.float32], rate_hz: int) -> NDArray[np.float64]:
    """Coefficients [13, windows], a window every 10 ms, the last one filled with zeros.

    Args:
        audio: mono in -1..1 [S], at least one sample.
        rate_hz: samples per second.
    """
    from scipy.fft import dct

    signal = np.clip(np.round(audio.astype(np.float64) * INT16), -INT16, INT16 - 1)
    emphasized = np.append(signal[0], signal[1:] - PRE_EMPHASIS * signal[:-1])
    power = np.abs(np.fft.rfft(_windows(emphasized, rate_hz), FFT)) ** 2 / FFT
    bands = power @ _filters(rate_hz).T
    cepstrum = dct(np.log(np.where(bands == 0, EPS, bands)), type=2, axis=1, norm="ortho")[:, :COEFFICIENTS]
    cepstrum *= 1 + LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / LIFTER)
    energy = power.sum(axis=1)
    cepstrum[:, 0] = np.log(np.where(energy == 0, EPS, energy))
    return cepstrum.T


def _windows(signal: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    length, step = round(WINDOW_S * rate_hz), round(STEP_S * rate_hz)
    count = 1 + max(0, ceil((len(signal) - length) / step))
    padded = np.pad(signal, (0, (count - 1) * step + length - len(signal)))
    return np.lib.stride_tricks.sliding_window_view(padded, length)[::step]


@cache
def _filters(rate_hz: int) -> NDArray[np.float64]:
    """Triangles [26, 257] between FFT bins that are evenly spaced in HTK's mel."""
    mel = np.linspace(0, 2595 * np.log10(1 + rate_hz / 2 / 700), FILTERS + 2)
    corners = np.floor((FFT + 1) * 700 * (10 ** (mel / 2595) - 1) / rate_hz)
    left, middle, right = (corners[start : start + FILTERS, None] for start in range(3))
    bins = np.arange(FFT // 2 + 1)
    rising = np.where((bins >= left) & (bins < middle), (bins - left) / np.maximum(middle - left, 1), 0)
    return rising + np.where((bins >= middle) & (bins < right), (right - bins) / np.maximum(right - middle, 1), 0)
