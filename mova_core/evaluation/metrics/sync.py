"""How well the video of one clip and the audio of another (in a true pair: of the same) happen together.

`event_f1`, `offset_s` and `desync_s` go by the events of the synthetic world (`evaluation/events.py`), `av_align` by
any sudden change. Source of AV-Align: arXiv:2309.16429, section 4; its optical flow is here the mean change of
luminance.
"""

import numpy as np

from mova_core.evaluation.events import LUMA, audio_onsets, floor_rise, video_events
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.ratio_metric import NOTHING, Ratio
from mova_core.measures.clip import Clip
from mova_core.media.audio.onsets import Curve, audio_rise, best_lag_s, match_times


def event_f1(video: Clip, audio: Clip, context: Context) -> Ratio:
    """F1 of one-to-one matches no further apart than one frame: twice the matches over all events."""
    events, onsets = video.get(_events), audio.get(_onsets)
    return 2.0 * len(match_times(events, onsets, 1 / video.fps)), float(len(events) + len(onsets))


def offset_s(video: Clip, audio: Clip, context: Context) -> Ratio:
    """Seconds from a video event to the nearest onset, over events; a clip without an onset has none."""
    events, onsets = video.get(_events), audio.get(_onsets)
    offsets = [min(abs(onset - event) for onset in onsets) for event in events] if onsets else []
    return float(sum(offsets)), float(len(offsets))


def desync_s(video: Clip, audio: Clip, context: Context) -> Ratio:
    """Seconds, without sign, of the lag at which the clip's two curves correlate most."""
    lag = best_lag_s(video.get(_floor_rise), video.fps, audio.get(_audio_rise))
    return NOTHING if lag is None else (abs(lag), 1.0)


def av_align(video: Clip, audio: Clip, context: Context) -> Ratio:
    """Intersection over union of audio onsets and peaks of the change of luminance, which meet within one frame."""
    changes, onsets = video.get(_luminance_peaks), audio.get(_onsets)
    both = len(match_times(changes, onsets, 1 / video.fps))
    either = len(changes) + len(onsets) - both
    return (both / either, 1.0) if either else NOTHING


def events_of(clip: Clip) -> tuple[list[float], list[float]]:
    """Times of the clip's video events and audio onsets, rising."""
    return clip.get(_events), clip.get(_onsets)


def _events(clip: Clip) -> list[float]:
    return video_events(clip.frames, clip.fps)


def _onsets(clip: Clip) -> list[float]:
    return audio_onsets(clip.audio, clip.rate_hz)


def _floor_rise(clip: Clip) -> Curve:
    return floor_rise(clip.frames)


def _audio_rise(clip: Clip) -> Curve:
    return audio_rise(clip.audio, clip.rate_hz)


def _luminance_peaks(clip: Clip) -> list[float]:
    """Times at which the frames change more than in those beside and than on average, rising."""
    luma = clip.frames.astype(np.float32) @ np.asarray(LUMA, np.float32)
    change = np.abs(np.diff(luma, axis=0)).mean(axis=(1, 2), dtype=np.float64)
    inner = change[1:-1]
    found = np.flatnonzero((inner > change[:-2]) & (inner >= change[2:]) & (inner > change.mean()))
    return [(int(index) + 1.5) / clip.fps for index in found]  # change k leads to frame k + 1, half a frame before it
