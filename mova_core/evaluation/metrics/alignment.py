"""How well the video of one clip and the audio of another (in a true pair: of the same) happen together, without
knowing what happens: AV-Align and the lag between onsets and movement (`measures/sync.py`).
"""

from mova_core.evaluation.metrics.usable import Measured, frames_missing, sound_missing
from mova_core.measures.clip import Clip, Unavailable

PEAK_FRAMES, CHANGE_FRAMES = 4, 3  # fewest that hold a peak, and a change, of the flow


def av_align(video: Clip, audio: Clip) -> Measured:
    """AV-Align, one onset to one peak of the flow."""
    from mova_core.measures import sync  # it imports OpenCV

    return sound_missing(audio) or frames_missing(video, PEAK_FRAMES) or sync.av_align(video, audio)


def av_align_many_to_one(video: Clip, audio: Clip) -> Measured:
    """AV-Align, many onsets to one peak of the flow."""
    from mova_core.measures import sync

    return sound_missing(audio) or frames_missing(video, PEAK_FRAMES) or sync.av_align_many_to_one(video, audio)


def av_align_or_missed(video: Clip, audio: Clip) -> Measured:
    """AV-Align, 0 of a clip in which there is nothing to align."""
    value = av_align(video, audio)
    return 0.0 if isinstance(value, Unavailable) else value


def av_align_where_both_have_events(video: Clip, audio: Clip) -> Measured:
    """AV-Align of a video with peaks of the flow and an audio with onsets: of others it is 0 whoever pairs them."""
    from mova_core.measures import av_align as definition
    from mova_core.measures import sync

    value = av_align(video, audio)
    if isinstance(value, Unavailable):
        return value
    both = audio.get(sync.onsets) and sync.clip_flow_peaks_s(video, definition.FLOW_FLOOR_PX)
    return value if both else sync.NO_EVENT


def onset_lag_or_missed_s(video: Clip, audio: Clip) -> Measured:
    """The lag of `onset_lag_s`, the largest one of a clip in which there is nothing to compare."""
    from mova_core.measures import sync

    value = onset_lag_s(video, audio)
    return sync.LARGEST_LAG_S if isinstance(value, Unavailable) else value


def onset_lag_s(video: Clip, audio: Clip) -> Measured:
    """Seconds, without sign, by which audio onsets lie beside sudden movement."""
    if missing := sound_missing(audio) or frames_missing(video, CHANGE_FRAMES):
        return missing
    from mova_core.measures import sync

    lag = sync.onset_lag_s(video, audio)
    return lag if isinstance(lag, Unavailable) else abs(lag)
