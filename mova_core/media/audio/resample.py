"""Audio at another rate: windowed-sinc interpolation, as the code reads files that published models were measured by.

A Hann window over six zero crossings, cut off at 0.99 of the lower rate's half: the values of torchaudio's
`functional.resample`, which the published code of Audiobox-aesthetics, EAT, ImageBind, av-benchmark and pyannote.audio
calls.
torchaudio itself is no dependency.
Source: J. Smith, "Digital Audio Resampling Home Page" (Stanford); pytorch/audio, functional.
"""

from functools import cache
from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray

ZERO_CROSSINGS, ROLLOFF = 6, 0.99


def resample(audio: NDArray[np.float32], rate_hz: int, wanted_hz: int) -> NDArray[np.float32]:
    """The same signal at another rate, float32 [ceil(S * wanted_hz / rate_hz)]."""
    if rate_hz == wanted_hz:
        return audio.astype(np.float32, copy=False)
    from scipy.signal import resample_poly

    common = gcd(rate_hz, wanted_hz)
    up, down = wanted_hz // common, rate_hz // common
    resampled: NDArray[np.float32] = resample_poly(audio.astype(np.float32), up, down, window=_taps(up, down))
    return resampled


@cache
def _taps(up: int, down: int) -> NDArray[np.float32]:
    """The interpolation's impulse response on the grid of both rates; `resample_poly` scales it by `up`."""
    cutoff = ROLLOFF * min(up, down)
    reach = ceil(ZERO_CROSSINGS / cutoff * up * down)
    crossings = np.arange(-reach, reach + 1) * cutoff / (up * down)
    crossings = np.clip(crossings, -ZERO_CROSSINGS, ZERO_CROSSINGS)
    hann = np.cos(np.pi * crossings / ZERO_CROSSINGS / 2) ** 2
    return (np.sinc(crossings) * hann * cutoff / (up * down)).astype(np.float32)
