"""Whether video and audio happen together, measured without a model: AV-Align, and the lag between their events.

Events of the audio are onsets, events of the video are peaks of optical flow. Both say little of clips in
which nothing starts or moves suddenly; the report's filters go by models (ImageBind, Synchformer, SyncNet) instead.
AV-Align is defined in `av_align`; its reference finds onsets with librosa's detector, whose times these are, and the
flow in whole frames, where it is taken here from frames reduced to 90 pixels and counted in pixels of the whole ones.
The lag is this project's own: a cross-correlation of two curves.
Source of the detector: S. Böck, F. Krebs and M. Schedl, "Evaluating the online capabilities of onset detection methods"
(ISMIR 2012), sections 2.2 and 2.4.
"""

from math import gcd

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.av_align import FLOW_FLOOR_PX, flow_peaks_s, many_to_one, one_to_one
from mova_core.measures.clip import Clip, Unavailable
from mova_core.measures.mel_spectrogram import mel_spectrogram_db
from mova_core.measures.optical_flow import Curve
from mova_core.media.audio.onsets import audio_rise, best_lag_s

# The detector's settings: samples at this rate, frames of HOP samples, strength from 0 to 1.
ONSET_RATE_HZ, WINDOW, HOP, MEL_BANDS = 22_050, 2048, 512, 128
LARGEST_BEFORE, MEAN_BEFORE, MEAN_AFTER, WAIT = 1, 4, 5, 1  # 30 ms, 100 ms, 100 ms and 30 ms in frames
STANDS_OUT = 0.07
LARGEST_LAG_S = 1.0
STILL = 1e-3  # shorter sides per second: below it a still scene is only coded anew
NO_EVENT = Unavailable("neither an onset in the audio nor a peak of movement")


def av_align(video: Clip, audio: Clip) -> float | Unavailable:
    """AV-Align of one onset to one peak of the flow, 0..1 (`av_align.one_to_one`); of one clip, or of a wrong pair."""
    aligned = one_to_one(audio.get(onsets), clip_flow_peaks_s(video, FLOW_FLOOR_PX), video.fps)
    return NO_EVENT if aligned is None else aligned


def av_align_many_to_one(video: Clip, audio: Clip) -> float | Unavailable:
    """AV-Align of many onsets to one peak of the flow, at least 0 (`av_align.many_to_one`)."""
    aligned = many_to_one(audio.get(onsets), clip_flow_peaks_s(video, 0.0), video.fps)
    return NO_EVENT if aligned is None else aligned


def onset_lag_s(video: Clip, audio: Clip) -> float | Unavailable:
    """Seconds by which sudden onsets lie behind sudden movement (negative: ahead), within 1 s either way.

    It is the lag at which the rise of the audio fits the change of the optical flow best.
    """
    if not len(video.flow.change) or video.flow.change.max() < STILL:
        return Unavailable("nothing moves")
    # Change k is that at frame k + 1; `best_lag_s` counts curves from frame 0 and places frame k half a frame early.
    change = np.concatenate([[0.0], video.flow.change, [0.0]])
    lag = best_lag_s(change - change.min(), video.fps, audio_rise(audio.audio, audio.rate_hz), LARGEST_LAG_S)
    return Unavailable("the audio never rises") if lag is None else lag


def onsets(clip: Clip) -> list[float]:
    """Times of audio onsets of a clip, rising."""
    return onsets_s(clip.audio, clip.rate_hz)


def clip_flow_peaks_s(clip: Clip, least_px: float) -> list[float]:
    """Times of peaks of the flow of a clip, rising; `least_px` as of `av_align.flow_peaks_s`."""
    shorter_side_px = min(clip.gray.shape[1:])
    return flow_peaks_s(clip.flow.speed * shorter_side_px / clip.fps, clip.fps, least_px)


def onsets_s(audio: NDArray[np.float32], rate_hz: int) -> list[float]:
    """Times of audio onsets, rising."""
    from scipy.signal import resample_poly

    common = gcd(ONSET_RATE_HZ, rate_hz)
    resampled = resample_poly(audio, ONSET_RATE_HZ // common, rate_hz // common)
    strength = _onset_strength(resampled)
    strength -= strength.min()
    largest = strength.max()
    return [frame * HOP / ONSET_RATE_HZ for frame in _onset_frames(strength / largest)] if largest > 0 else []


def _onset_strength(audio: NDArray[np.float32]) -> Curve:
    """Mean rise of the mel bands in dB into each frame, at least 0; later by half a window than frames are centred."""
    decibels = mel_spectrogram_db(audio, ONSET_RATE_HZ, WINDOW, HOP, MEL_BANDS)
    rise = np.maximum(np.diff(decibels, axis=1), 0).mean(axis=0)
    return np.pad(rise, (1 + WINDOW // (2 * HOP), 0))[: decibels.shape[1]].astype(np.float64)


def _onset_frames(strength: Curve) -> list[int]:
    """Frames that are the largest of those beside them and stand out from the mean around them, the first of a run."""
    found: list[int] = []
    for frame, value in enumerate(strength):
        around = strength[max(0, frame - MEAN_BEFORE) : frame + MEAN_AFTER]
        rises = value == strength[max(0, frame - LARGEST_BEFORE) : frame + 1].max()
        if rises and value >= around.mean() + STANDS_OUT and not (found and frame - found[-1] <= WAIT):
            found.append(frame)
    return found
