"""Metrics of a clip's audio by its samples alone: level, loudness, silence, bandwidth, clipping.

What each is and where it comes from is told by the measure that it calls (`measures/audio.py`,
`measures/ffmpeg_meters.py`, `media/audio/loudness.py`), which curation filters by as well.
"""

import numpy as np
from numpy.typing import NDArray

from mova_core.evaluation.metrics.usable import SILENT, Measured, of_audio
from mova_core.measures import audio as measures
from mova_core.measures.clip import Unavailable
from mova_core.media.audio.loudness import BLOCK_S, integrated_lufs, true_peak_dbtp

Audio = NDArray[np.float32]


@of_audio
def rms_dbfs(audio: Audio, rate_hz: int) -> Measured:
    """RMS level in dB re full scale."""
    rms = float(np.sqrt(np.mean(audio.astype(np.float64) ** 2)))
    return 20 * float(np.log10(rms)) if rms > 0 else SILENT


@of_audio
def loudness_lufs(audio: Audio, rate_hz: int) -> Measured:
    """Integrated loudness."""
    if audio.size < BLOCK_S * rate_hz:
        return Unavailable(f"shorter than the {BLOCK_S:g} s that a loudness needs")
    lufs = integrated_lufs(audio, rate_hz)
    return Unavailable("silent: nothing is louder than the gate") if lufs is None else lufs


@of_audio
def loudness_range_lu(audio: Audio, rate_hz: int) -> Measured:
    """Loudness range."""
    from mova_core.measures import ffmpeg_meters

    return ffmpeg_meters.loudness_range_lu(audio, rate_hz)


@of_audio
def true_peak(audio: Audio, rate_hz: int) -> Measured:
    """True peak in dBTP."""
    peak = true_peak_dbtp(audio)
    return SILENT if peak is None else peak


@of_audio
def silence_ratio(audio: Audio, rate_hz: int) -> Measured:
    """Share of 20 ms frames that are silent; a silent clip has 1."""
    if audio.size < measures.SILENCE_FRAME_S * rate_hz:
        return Unavailable("shorter than the 20 ms that a silence is counted in")
    return measures.silence_ratio(audio, rate_hz)


@of_audio
def bandwidth_hz(audio: Audio, rate_hz: int) -> Measured:
    """Highest frequency that still holds signal."""
    if audio.size < rate_hz / measures.BAND_HZ:
        return Unavailable("shorter than the 50 ms that a spectrum needs")
    return measures.bandwidth_hz(audio, rate_hz) or SILENT


@of_audio
def clipped_share(audio: Audio, rate_hz: int) -> Measured:
    """Share of samples at full scale."""
    return measures.clipped_share(audio)


@of_audio
def clipping_runs_hz(audio: Audio, rate_hz: int) -> Measured:
    """Plateaus a second at the audio's own highest or lowest level."""
    return measures.clipping_runs_hz(audio, rate_hz)
