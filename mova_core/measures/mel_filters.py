"""Mel filter banks: triangles over the bins of a spectrum, evenly spaced on one of the field's two mel scales.

Slaney's scale is linear to 1 kHz, then logarithmic, and its filters have equal area (librosa's default); HTK's is
logarithmic throughout, and Kaldi's filters are triangles on that scale of height 1.
Sources: M. Slaney, "Auditory Toolbox", version 2 (1998); the Kaldi toolkit, feat/mel-computations; torchaudio,
compliance/kaldi.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Frequencies = NDArray[np.floating]  # in Hz or mel

LINEAR_HZ_PER_MEL = 200 / 3
LOG_FROM_HZ = 1000.0
LOG_FROM_MEL = LOG_FROM_HZ / LINEAR_HZ_PER_MEL
LOG_STEP = np.log(6.4) / 27  # from one mel to the next, above 1 kHz


@cache
def slaney_filters(
    rate_hz: int, window: int, bands: int, low_hz: float = 0.0, high_hz: float | None = None
) -> NDArray[np.float32]:
    """Weights [bands, window // 2 + 1] over the bins of a spectrum, each band of area 1 in Hz.

    Args:
        rate_hz: samples per second.
        window: samples of one frame.
        bands: mel bands.
        low_hz: where the lowest band begins.
        high_hz: where the highest band ends; None = half the rate.
    """
    edges_hz = _slaney_hz(np.linspace(_slaney_mel(low_hz), _slaney_mel(high_hz or rate_hz / 2), bands + 2))
    widths_hz = (edges_hz[2:] - edges_hz[:-2])[:, None]
    return (_triangles(edges_hz, np.fft.rfftfreq(window, 1 / rate_hz)) * 2 / widths_hz).astype(np.float32)


@cache
def kaldi_filters(rate_hz: int, window: int, bands: int, low_hz: float) -> NDArray[np.float32]:
    """Weights [bands, window // 2 + 1] from `low_hz` to half the rate, each band of height 1; arguments as above."""
    lowest, highest = _htk_mel(np.array([low_hz, rate_hz / 2]))
    edges = np.linspace(lowest, highest, bands + 2)
    filters = _triangles(edges, _htk_mel(np.fft.rfftfreq(window, 1 / rate_hz)))
    filters[:, -1] = 0  # Kaldi leaves out the bin at half the rate
    return filters.astype(np.float32)


def _triangles(edges: Frequencies, bins: Frequencies) -> Frequencies:
    """Heights [B, N] at the bins [N]: band b rises from edge b to 1 at edge b + 1 and falls to edge b + 2."""
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)), 0)


def _slaney_mel(hz: float) -> float:
    if hz < LOG_FROM_HZ:
        return hz / LINEAR_HZ_PER_MEL
    return float(LOG_FROM_MEL + np.log(hz / LOG_FROM_HZ) / LOG_STEP)


def _slaney_hz(mel: Frequencies) -> Frequencies:
    beyond = mel - LOG_FROM_MEL
    return np.where(beyond < 0, mel * LINEAR_HZ_PER_MEL, LOG_FROM_HZ * np.exp(LOG_STEP * np.maximum(beyond, 0)))


def _htk_mel(hz: Frequencies) -> Frequencies:
    return 1127 * np.log1p(hz / 700)
