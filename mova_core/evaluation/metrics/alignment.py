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


def onset_lag_s(video: Clip, audio: Clip) -> Measured:
    """Seconds, without sign, by which audio onsets lie beside sudden movement."""
    if missing := sound_missing(audio) or frames_missing(video, CHANGE_FRAMES):
        return missing
    from mova_core.measures import sync

    lag = sync.onset_lag_s(video, audio)
    return lag if isinstance(lag, Unavailable) else abs(lag)
