"""Audio as a model takes it: mono at the model's rate, in windows of its length, or why it cannot be had."""

import numpy as np
from numpy.typing import NDArray

from mova_core.errors import ShapeError
from mova_core.measures.clip import Unavailable
from mova_core.measures.models.inputs import why_no_audio
from mova_core.media.audio.resample import resample


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


def windows(audio: NDArray[np.float32], samples: int, least: int = 1) -> list[NDArray[np.float32]]:
    """Windows back to back from the start; the last is what is left, if it has `least` samples.

    A clip's value is the mean of its windows' values, weighted by their lengths.
    """
    return [audio[start : start + samples] for start in range(0, len(audio) - least + 1, samples)]
