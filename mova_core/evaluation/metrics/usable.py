"""Whether a clip has the audio and the frames that a measure needs; if not, why not: that is the measure's reason.

A measure that cannot be taken is unavailable, never 0: a clip without audio is not one that is well in time.
"""

from collections.abc import Callable
from functools import wraps

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.audio import silence_ratio
from mova_core.measures.clip import Clip, Unavailable

NO_AUDIO = Unavailable("the clip has no audio")
NOT_FINITE = Unavailable("the audio has values that are no numbers")
SILENT = Unavailable("the audio is silent")

Measured = float | Unavailable
OfAudio = Callable[[NDArray[np.float32], int], Measured]
OfClip = Callable[[Clip], Measured]


def audio_missing(clip: Clip) -> Unavailable | None:
    """Why the audio cannot be measured; None where it can."""
    if not clip.audio.size:
        return NO_AUDIO
    return None if clip.get(_is_finite) else NOT_FINITE


def sound_missing(clip: Clip) -> Unavailable | None:
    """As `audio_missing`, or that no 20 ms of it are louder than silence."""
    return audio_missing(clip) or (SILENT if clip.get(_is_silent) else None)


def frames_missing(clip: Clip, least: int) -> Unavailable | None:
    """That there are fewer frames than this; None where there are as many."""
    frames = len(clip.frames)
    return None if frames >= least else Unavailable(f"it needs {least} frames and the clip has {frames}")


def of_audio(measure: OfAudio) -> OfClip:
    """A measure of samples and their rate, as one of a clip: unavailable where these cannot be measured."""

    @wraps(measure)
    def of_clip(clip: Clip) -> Measured:
        return audio_missing(clip) or measure(clip.audio, clip.rate_hz)

    return of_clip


def of_frames(least: int) -> Callable[[OfClip], OfClip]:
    """A measure of a clip's video that needs so many frames."""

    def with_enough(measure: OfClip) -> OfClip:
        @wraps(measure)
        def of_clip(clip: Clip) -> Measured:
            return frames_missing(clip, least) or measure(clip)

        return of_clip

    return with_enough


def _is_finite(clip: Clip) -> bool:
    return bool(np.isfinite(clip.audio).all())


def _is_silent(clip: Clip) -> bool:
    return silence_ratio(clip.audio, clip.rate_hz) == 1
