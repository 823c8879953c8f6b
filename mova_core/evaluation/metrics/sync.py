"""How well the video of one clip and the audio of another (in a true pair: of the same) happen together, by the events
of the synthetic world (`evaluation/events.py`); `alignment.py` goes by any sudden change.

Every clip of the world has events: the intervals between them are shorter than any clip. So a pair without an event in
the video or without an onset in the audio is missed, by as many events as the world has in that time: the F1 counts no
match, the times count as the largest there is, `LARGEST_LAG_S`.
"""

from mova_core.evaluation.events import EVENTS_PER_S, audio_onsets, floor_rise, video_events
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import Need
from mova_core.evaluation.measuring.ratio_metric import NOTHING, Ratio
from mova_core.measures.clip import Clip, Unavailable
from mova_core.media.audio.onsets import LARGEST_LAG_S, Curve, audio_rise, best_lag_s, match_times

RATE_FACTOR = 2.0  # beyond the data's interval: F1 judges an onset too many, the rate none at all, or a rattle


def event_f1(video: Clip, audio: Clip, context: Context) -> Ratio:
    """F1 of one-to-one matches no further apart than one frame: twice the matches over all events."""
    events, onsets = video.get(_events), audio.get(_onsets)
    missed = video_length_s(video) * EVENTS_PER_S
    matches = match_times(events, onsets, 1 / video.fps)
    return 2.0 * len(matches), (len(events) or missed) + (len(onsets) or missed)


def event_f1_where_both_have_events(video: Clip, audio: Clip, context: Context) -> Ratio:
    """The same, of wrong pairs: one that is missed anyway would make the true pairs look better than they are."""
    return event_f1(video, audio, context) if _has_events(video, audio) else NOTHING


def offset_s(video: Clip, audio: Clip, context: Context) -> Ratio:
    """Seconds from a video event to the nearest onset, at most `LARGEST_LAG_S`, over events."""
    events, onsets = video.get(_events), audio.get(_onsets)
    if not _has_events(video, audio):
        missed = len(events) or video_length_s(video) * EVENTS_PER_S
        return LARGEST_LAG_S * missed, float(missed)
    offsets = [min(LARGEST_LAG_S, *(abs(onset - event) for onset in onsets)) for event in events]
    return float(sum(offsets)), float(len(offsets))


def desync_s(video: Clip, audio: Clip, context: Context) -> Ratio:
    """Seconds, without sign, of the lag at which the clip's two curves correlate most, within `LARGEST_LAG_S`."""
    lag = best_lag_s(video.get(_floor_rise), video.fps, audio.get(_audio_rise)) if _has_events(video, audio) else None
    return LARGEST_LAG_S if lag is None else abs(lag), 1.0


def event_rate_within_data(video: Clip, audio: Clip, context: Context) -> Ratio | Unavailable:
    """1 where the video has about as many events a second as clips of the data have."""
    return _within(video.get(_event_rate), context.interval(_event_rate))


def onset_rate_within_data(video: Clip, audio: Clip, context: Context) -> Ratio | Unavailable:
    """1 where the audio has about as many onsets a second as clips of the data have."""
    return _within(audio.get(_onset_rate), context.interval(_onset_rate))


def events_of(clip: Clip) -> tuple[list[float], list[float]]:
    """Times of the clip's video events and audio onsets, rising."""
    return clip.get(_events), clip.get(_onsets)


def video_length_s(clip: Clip) -> float:
    """How long the video lasts."""
    return len(clip.frames) / clip.fps


def _has_events(video: Clip, audio: Clip) -> bool:
    return bool(video.get(_events) and audio.get(_onsets))


def _within(value: float, data: tuple[float, float] | None) -> Ratio | Unavailable:
    if data is None:
        return Unavailable(Need.VALIDATION_CLIPS.value)
    return float(data[0] / RATE_FACTOR <= value <= data[1] * RATE_FACTOR), 1.0


def _events(clip: Clip) -> list[float]:
    return video_events(clip.frames, clip.fps)


def _onsets(clip: Clip) -> list[float]:
    return audio_onsets(clip.audio, clip.rate_hz)


def _event_rate(clip: Clip) -> float:
    return len(clip.get(_events)) / video_length_s(clip) if len(clip.frames) else 0.0


def _onset_rate(clip: Clip) -> float:
    return len(clip.get(_onsets)) * clip.rate_hz / clip.audio.size if clip.audio.size else 0.0


def _floor_rise(clip: Clip) -> Curve:
    return floor_rise(clip.frames)


def _audio_rise(clip: Clip) -> Curve:
    return audio_rise(clip.audio, clip.rate_hz)
