"""Audio as a model takes it: mono at the model's rate, in windows of its length, or why it cannot be had.

Resampling is windowed-sinc interpolation with a Hann window over six zero crossings, cut off at 0.99 of the lower
rate's half: the values of torchaudio's `functional.resample`, by which the published code of Audiobox-aesthetics, EAT
and av-benchmark reads files. torchaudio itself is no dependency.
Source: J. Smith, "Digital Audio Resampling Home Page" (Stanford); pytorch/audio, functional.
"""

from functools import cache
from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray

from mova_core.errors import ShapeError
from mova_core.measures.clip import Unavailable
from mova_core.measures.models.inputs import why_no_audio

ZERO_CROSSINGS, ROLLOFF = 6, 0.99


def model_audio(
    audio: NDArray[np.float32], rate_hz: int, wanted_hz: int, least_samples: int
) -> NDArray[np.float32] | Unavailable:
    """Audio at a model's rate, float32 [S]; Unavailable where it is silent, too short or holds NaN or infinity.

    Args:
        audio: mono float32 [S] in -1..1.
        rate_hz: its samples per second.
        wanted_hz: the model's samples per second.
        least_samples: at the model's rate, that the model needs.

    Raises:
        ShapeError: the audio is not mono.
    """
    if audio.ndim != 1:
        raise ShapeError(f"audio has shape {list(audio.shape)}, expected mono [S]: mix its channels first")
    if reason := why_no_audio(audio):
        return Unavailable(reason)
    resampled = resample(audio, rate_hz, wanted_hz)
    if len(resampled) < least_samples:
        lasts_s, needed_s = len(audio) / rate_hz, least_samples / wanted_hz
        return Unavailable(f"its audio lasts {lasts_s:.3g} s, and the model needs {needed_s:.3g} s")
    return resampled


def resample(audio: NDArray[np.float32], rate_hz: int, wanted_hz: int) -> NDArray[np.float32]:
    """The same signal at another rate, float32 [ceil(S * wanted_hz / rate_hz)]."""
    if rate_hz == wanted_hz:
        return audio.astype(np.float32)
    from scipy.signal import resample_poly

    common = gcd(rate_hz, wanted_hz)
    up, down = wanted_hz // common, rate_hz // common
    resampled: NDArray[np.float32] = resample_poly(audio.astype(np.float32), up, down, window=_taps(up, down))
    return resampled


def windows(audio: NDArray[np.float32], samples: int, least: int = 1) -> list[NDArray[np.float32]]:
    """Windows back to back from the start; the last is what is left, if it has `least` samples.

    A clip's value is the mean of its windows' values, weighted by their lengths.
    """
    return [audio[start : start + samples] for start in range(0, len(audio) - least + 1, samples)]


@cache
def _taps(up: int, down: int) -> NDArray[np.float32]:
    """The interpolation's impulse response on the grid of both rates; `resample_poly` scales it by `up`."""
    cutoff = ROLLOFF * min(up, down)
    reach = ceil(ZERO_CROSSINGS / cutoff * up * down)
    crossings = np.arange(-reach, reach + 1) * cutoff / (up * down)
    crossings = np.clip(crossings, -ZERO_CROSSINGS, ZERO_CROSSINGS)
    hann = np.cos(np.pi * crossings / ZERO_CROSSINGS / 2) ** 2
    return (np.sinc(crossings) * hann * cutoff / (up * down)).astype(np.float32)
