"""How loud clips are, beside validation clips. Source of LUFS: ITU-R BS.1770."""

import numpy as np

from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.ratio_metric import NOTHING, Ratio
from mova_core.evaluation.metrics.usable import audio_missing
from mova_core.measures.clip import Clip, Unavailable
from mova_core.media.audio.loudness import integrated_lufs

TOLERANCE_LU = 3.0  # phases that train on audio of one loudness have data of hardly any range


def loudness_error_lu(video: Clip, audio: Clip, context: Context) -> Ratio:
    """LU between a clip's integrated loudness and the mean of validation clips; a silent clip has none."""
    return _distance(audio.get(lufs), context.mean(lufs))


def rms_error_db(video: Clip, audio: Clip, context: Context) -> Ratio:
    """dB between a clip's RMS level and the mean of validation clips; a silent clip has none."""
    return _distance(audio.get(_rms_db), context.mean(_rms_db))


def loudness_within_data(video: Clip, audio: Clip, context: Context) -> Ratio | Unavailable:
    """1 where a clip is as loud as clips of the data, give or take `TOLERANCE_LU`; a silent one is not."""
    data, level = context.interval(lufs), audio.get(lufs)
    if data is None:
        return Unavailable("no validation clip has a loudness")
    low, high = data[0] - TOLERANCE_LU, data[1] + TOLERANCE_LU
    return float(level is not None and low <= level <= high), 1.0


def audible_share(video: Clip, audio: Clip, context: Context) -> Ratio | Unavailable:
    """1 for a clip whose loudness is above the limit of section `assess`; one without a loudness is not audible."""
    if missing := audio_missing(audio):
        return missing
    level = audio.get(lufs)
    return float(level is not None and level > context.audible_above_lufs), 1.0


def lufs(clip: Clip) -> float | None:
    """Integrated loudness; None where there is none."""
    return integrated_lufs(clip.audio, clip.rate_hz)


def _rms_db(clip: Clip) -> float | None:
    rms = float(np.sqrt(np.mean(clip.audio.astype(np.float64) ** 2)))
    return 20 * float(np.log10(rms)) if rms > 0 else None


def _distance(value: float | None, middle: float | None) -> Ratio:
    return NOTHING if value is None or middle is None else (abs(value - middle), 1.0)
