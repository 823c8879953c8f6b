"""How well the video of one clip and the audio of another (in a true pair: of the same) happen together, by the events
of the synthetic world (`evaluation/events.py`); `alignment.py` goes by any sudden change.
"""

from mova_core.evaluation.events import audio_onsets, floor_rise, video_events
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
