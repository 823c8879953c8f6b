"""Measures of a clip's audio: one measure, one function.

Audio is mono float32 [S] in -1..1; levels are in dB re full scale, where a full-scale square wave has 0 dBFS RMS.
Loudness after BS.1770: `mova_core.media.audio.loudness`. Limits of all stand in params.yaml, section assess.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SILENCE_FRAME_S = 0.020
SILENCE_DBFS = -50.0
CLIPPED_LEVEL = 0.999  # a full-scale sine is above it for 2.8 % of its length
PLATEAU_SAMPLES = 3  # at one level: what editors take for clipping
PLATEAU_EDGE = 0.001  # of full scale: how much a plateau's neighbour lies below it
LEVEL_STEP = 1 / 32768  # of 16-bit audio
BAND_HZ = 20.0  # width of a band of the long-term spectrum
BANDWIDTH_DB = -60.0
ROUNDING_POWER = (1 / 32768) ** 2 / 12  # of 16-bit audio
ROUNDING_MARGIN_DB = 10.0


def silence_ratio(audio: NDArray[np.float32], rate_hz: int) -> float:
    """Share of 20 ms frames whose RMS is below -50 dBFS, 0..1; a shorter rest at the end is not counted.

    Source: the MOVA report filters by a silence ratio without defining it; frame and level are the usual ones of voice
    and podcast tools (FFmpeg's silencedetect goes by -60 dB).
    """
    size = round(SILENCE_FRAME_S * rate_hz)
    frames = audio[: len(audio) // size * size].reshape(-1, size).astype(np.float64)
    if not len(frames):
        return 1.0
    rms = np.sqrt(np.mean(frames**2, axis=1))
    return float(np.mean(rms < 10 ** (SILENCE_DBFS / 20)))


def bandwidth_hz(audio: NDArray[np.float32], rate_hz: int) -> float:
    """Highest frequency in Hz that still holds signal; 0 for silence.

    That is the upper edge of the highest band, 20 Hz wide, whose power in the long-term average spectrum (Blackman
    windows of 50 ms, half overlapped) lies within 60 dB of the strongest band's, and 10 dB above the rounding noise of
    16-bit audio. So a sine has about its frequency, low-passed noise the filter's edge, white noise half the rate.

    Source: the MOVA report filters by a bandwidth without defining it; 60 dB is where what the strongest band masks
    is no longer audible.
    """
    size = round(rate_hz / BAND_HZ)
    if len(audio) < size:
        return 0.0
    window = np.blackman(size + 1)[:-1]  # leaks little: 60 dB down within 4 bands
    starts = range(0, len(audio) - size + 1, size // 2)
    power = np.zeros(size // 2 + 1)
    for start in starts:
        power += np.abs(np.fft.rfft(window * audio[start : start + size])) ** 2
    power *= 2 / (len(starts) * size * np.sum(window**2))  # now the bands sum to the mean square of the audio
    rounding = ROUNDING_POWER / len(power) * 10 ** (ROUNDING_MARGIN_DB / 10)
    floor = max(power.max() * 10 ** (BANDWIDTH_DB / 10), rounding)
    audible = np.flatnonzero(power > floor)
    return float(min((audible[-1] + 0.5) * rate_hz / size, rate_hz / 2)) if len(audible) else 0.0


def clipped_share(audio: NDArray[np.float32]) -> float:
    """Share of samples at full scale (at least 0.999), 0..1."""
    return float(np.mean(np.abs(audio) >= CLIPPED_LEVEL)) if len(audio) else 0.0


def clipping_runs_hz(audio: NDArray[np.float32], rate_hz: int) -> float:
    """Plateaus per second at the audio's own highest or lowest level, whatever that level is.

    A plateau is 3 samples or more of one level that the audio reaches or leaves by a step: a sine of full scale has
    none, and audio that was clipped and turned down afterwards still has them. A square wave cannot be told apart.
    """
    runs = 0
    for side in (audio, -audio):
        level = side.max(initial=0.0)
        if level <= LEVEL_STEP:
            continue
        top = np.concatenate([[False], side >= level - LEVEL_STEP / 2, [False]])
        turns = np.flatnonzero(top[1:] != top[:-1])  # first sample of a run, first after it
        below = np.concatenate([side[:1], side, side[-1:]]) < level - PLATEAU_EDGE  # sample k stands at k + 1
        runs += sum(
            int(end - start >= PLATEAU_SAMPLES and (below[start] or below[end + 1]))
            for start, end in zip(turns[::2], turns[1::2], strict=True)
        )
    return runs * rate_hz / len(audio) if len(audio) else 0.0


def speech_share(start_s: float, end_s: float, speech_s: Sequence[Sequence[float]]) -> float:
    """Share of a window that lies in speech, 0..1.

    Args:
        start_s: start of the window on the file's clock.
        end_s: its end.
        speech_s: intervals [start, end] of speech on the same clock, none overlapping another.
    """
    overlap = sum(max(0.0, min(end, end_s) - max(start, start_s)) for start, end in speech_s)
    return min(1.0, overlap / (end_s - start_s))
