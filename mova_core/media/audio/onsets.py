"""When audio rises suddenly, and how event times of two modalities match. Times are seconds from the clip's start."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RMS_WINDOW_S = 0.01
LARGEST_LAG_S = 0.6

Curve = NDArray[np.float64]


def audio_rise(audio: NDArray[np.float32], rate_hz: int) -> Curve:
    """Rise of RMS into each 10 ms window, at least 0; one value a window, the first one is 0.

    Args:
        audio: float32 [S], full scale 1.
        rate_hz: samples per second.
    """
    window = round(RMS_WINDOW_S * rate_hz)
    windows = audio[: audio.size // window * window].reshape(-1, window).astype(np.float64)
    rms = np.sqrt((windows**2).mean(axis=1))
    return np.maximum(np.diff(rms, prepend=rms[:1]), 0)


def peaks(curve: Curve, threshold: float, gap: int) -> list[int]:
    """Indices of values above the threshold, the strongest first, none within `gap` of a stronger one; rising."""
    kept: list[int] = []
    for index in np.argsort(-curve, kind="stable"):
        if curve[index] <= threshold:
            break
        if all(abs(index - other) >= gap for other in kept):
            kept.append(int(index))
    return sorted(kept)


def match_times(first_s: Sequence[float], second_s: Sequence[float], tolerance_s: float) -> list[tuple[int, int]]:
    """The largest one-to-one matching of times within the tolerance, as pairs of indices; both sides rise."""
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(first_s) and j < len(second_s):
        if abs(first_s[i] - second_s[j]) <= tolerance_s:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif first_s[i] < second_s[j]:
            i += 1
        else:
            j += 1
    return pairs


def best_lag_s(video_change: Curve, fps: float, rise: Curve, largest_lag_s: float = LARGEST_LAG_S) -> float | None:
    """Seconds by which audio lies behind video (negative: ahead): the lag at which their curves correlate most.

    Args:
        video_change: change into each frame, [F], placed half a frame before that frame.
        fps: frames per second.
        rise: of `audio_rise`.
        largest_lag_s: lags up to this are tried, either way.

    Returns:
        The lag; None where one of the curves is flat.
    """
    if not video_change.any() or not rise.any():
        return None
    times = (np.arange(rise.size) + 0.5) * RMS_WINDOW_S
    video = np.interp(times, (np.arange(video_change.size) - 0.5) / fps, video_change)
    scores = np.correlate(rise, video, mode="full")  # index len(video) - 1 is lag 0
    reach = min(round(largest_lag_s / RMS_WINDOW_S), video.size - 1)
    middle = video.size - 1
    return float(np.argmax(scores[middle - reach : middle + reach + 1]) - reach) * RMS_WINDOW_S
