"""Whether video and audio happen together, measured without a model: AV-Align, and the lag between their events.

Events of the audio are onsets (librosa), events of the video are peaks of optical flow. Both say little of clips in
which nothing starts or moves suddenly; the report's filters go by models (ImageBind, Synchformer, SyncNet) instead.
Source of AV-Align: arXiv:2309.16429, section 4, and its reference's settings. The lag is this project's own.
"""

from math import gcd

import numpy as np
from numpy.typing import NDArray

from mova_core.curation.assess.measures.decoded_clip import DecodedClip, Unavailable
from mova_core.curation.assess.measures.optical_flow import Curve
from mova_core.media.onsets import audio_rise, best_lag_s, match_times

ONSET_RATE_HZ = 22_050  # what librosa's onset detector is set for
LARGEST_LAG_S = 1.0
STILL = 1e-3  # shorter sides per second: below it a still scene is only coded anew


def av_align(clip: DecodedClip) -> float | Unavailable:
    """Intersection over union of audio onsets and peaks of optical flow, 0..1; they meet within one frame."""
    onsets, peaks = onsets_s(clip.audio, clip.rate_hz), flow_peaks_s(clip.flow.speed, clip.fps)
    both = len(match_times(peaks, onsets, 1 / clip.fps))
    either = len(peaks) + len(onsets) - both
    return both / either if either else Unavailable("neither an onset in the audio nor a peak of movement")


def onset_lag_s(clip: DecodedClip) -> float | Unavailable:
    """Seconds by which sudden onsets lie behind sudden movement (negative: ahead), within 1 s either way.

    It is the lag at which the rise of the audio fits the change of the optical flow best.
    """
    if not len(clip.flow.change) or clip.flow.change.max() < STILL:
        return Unavailable("nothing moves")
    # Change k is that at frame k + 1; `best_lag_s` counts curves from frame 0 and places frame k half a frame early.
    change = np.concatenate([[0.0], clip.flow.change, [0.0]])
    lag = best_lag_s(change - change.min(), clip.fps, audio_rise(clip.audio, clip.rate_hz), LARGEST_LAG_S)
    return Unavailable("the audio never rises") if lag is None else lag


def onsets_s(audio: NDArray[np.float32], rate_hz: int) -> list[float]:
    """Times of audio onsets, rising."""
    import librosa  # with numba, seconds to import
    from scipy.signal import resample_poly

    common = gcd(ONSET_RATE_HZ, rate_hz)
    resampled = resample_poly(audio, ONSET_RATE_HZ // common, rate_hz // common)
    strength = librosa.onset.onset_strength(y=resampled, sr=ONSET_RATE_HZ)
    if not np.any(strength > 0):  # the detector would divide by the largest
        return []
    return [float(each) for each in librosa.onset.onset_detect(onset_envelope=strength, sr=ONSET_RATE_HZ, units="time")]


def flow_peaks_s(speed: Curve, fps: float) -> list[float]:
    """Times of frames into which more moves than into both beside them, rising."""
    inner = speed[1:-1]
    found = np.flatnonzero((inner > speed[:-2]) & (inner > speed[2:]))
    return [(int(index) + 2) / fps for index in found]  # speed k leads to frame k + 1
