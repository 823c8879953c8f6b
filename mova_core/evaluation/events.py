"""When something happens in the picture and in the sound of the synthetic world, and how well the two agree.

For measuring only: nothing here decides what is trained on. Event times are seconds from the clip's start.
Picture: peaks of the frame-to-frame rise of the floor strip's luminance; the event lies half a frame before the frame
that shows it. Sound: peaks of the rise of 10 ms RMS. F1: one-to-one matches no further apart than one frame.
Thresholds were set on synthetic footage (docs/curation.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mova_core.synthetic.world import FLOOR

LUMA = (0.2126, 0.7152, 0.0722)  # BT.709
FLASH_RISE = 0.14  # of full luminance, from one frame to the next
FLASH_GAP_FRAMES = 3
RMS_WINDOW_S = 0.01
ONSET_RISE = 0.035  # of full scale, from one window to the next
ONSET_GAP_S = 0.12
LARGEST_LAG_S = 0.6

Curve = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well picture and sound agree over some clips; None where there was nothing to measure.

    Args:
        f1: 2 matches / (picture events + sound onsets), all clips pooled.
        offset_s: mean time from a picture event to the nearest onset of its clip.
        desync_s: mean over clips of the lag that aligns the two curves best, without sign.
    """

    f1: float | None
    offset_s: float | None
    desync_s: float | None


def floor_rise(frames: NDArray[np.uint8]) -> Curve:
    """Rise of the floor's luminance (0..1) into each frame, at least 0; [F], the first is 0.

    Args:
        frames: uint8 [F, H, W, 3] RGB, the whole picture being the world.
    """
    floor = frames[:, round(FLOOR * frames.shape[1]) :].mean(axis=(1, 2)) @ np.asarray(LUMA) / 255
    return np.maximum(np.diff(floor, prepend=floor[:1]), 0)


def audio_rise(audio: NDArray[np.float32], rate_hz: int) -> Curve:
    """Rise of RMS into each 10 ms window, at least 0; one value a window, the sound before the clip counts as equal."""
    window = round(RMS_WINDOW_S * rate_hz)
    windows = audio[: audio.size // window * window].reshape(-1, window).astype(np.float64)
    rms = np.sqrt((windows**2).mean(axis=1))
    return np.maximum(np.diff(rms, prepend=rms[:1]), 0)


def video_events(frames: NDArray[np.uint8], fps: float) -> list[float]:
    """Times of flashes, rising."""
    return [(index - 0.5) / fps for index in _peaks(floor_rise(frames), FLASH_RISE, FLASH_GAP_FRAMES)]


def audio_onsets(audio: NDArray[np.float32], rate_hz: int) -> list[float]:
    """Times of onsets, rising."""
    gap = round(ONSET_GAP_S / RMS_WINDOW_S)
    return [index * RMS_WINDOW_S for index in _peaks(audio_rise(audio, rate_hz), ONSET_RISE, gap)]


def matched(first_s: Sequence[float], second_s: Sequence[float], tolerance_s: float) -> list[tuple[int, int]]:
    """Most pairs of one from each side that lie within the tolerance, as their places; both sides rising."""
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


def matches(first_s: Sequence[float], second_s: Sequence[float], tolerance_s: float) -> int:
    """How many pairs `matched` finds."""
    return len(matched(first_s, second_s, tolerance_s))


def event_f1(pairs: Sequence[tuple[Sequence[float], Sequence[float]]], tolerance_s: float) -> float | None:
    """F1 of (events, other events) of some clips, pooled; None if there is no event at all."""
    total = sum(len(first) + len(second) for first, second in pairs)
    return 2 * sum(matches(*pair, tolerance_s) for pair in pairs) / total if total else None


def desync(video_rise: Curve, fps: float, audio_rise: Curve, largest_lag_s: float = LARGEST_LAG_S) -> float | None:
    """Seconds by which the sound's curve lies behind the picture's (negative: ahead); None if one of them is flat."""
    if not video_rise.any() or not audio_rise.any():
        return None
    times = (np.arange(audio_rise.size) + 0.5) * RMS_WINDOW_S
    seen = np.interp(times, (np.arange(video_rise.size) - 0.5) / fps, video_rise)
    scores = np.correlate(audio_rise, seen, mode="full")  # index len(seen) - 1 is lag 0
    reach = min(round(largest_lag_s / RMS_WINDOW_S), seen.size - 1)
    middle = seen.size - 1
    return float(np.argmax(scores[middle - reach : middle + reach + 1]) - reach) * RMS_WINDOW_S


def agreement(clips: Sequence[tuple[NDArray[np.uint8], NDArray[np.float32]]], fps: float, rate_hz: int) -> Agreement:
    """Measure clips, each frames uint8 [F, H, W, 3] with sound float32 [S]."""
    pairs = [(video_events(frames, fps), audio_onsets(audio, rate_hz)) for frames, audio in clips]
    offsets = [min(abs(onset - event) for onset in sound) for picture, sound in pairs if sound for event in picture]
    lags = [desync(floor_rise(frames), fps, audio_rise(audio, rate_hz)) for frames, audio in clips]
    return Agreement(
        event_f1(pairs, tolerance_s=1 / fps),
        _mean(offsets),
        _mean([abs(lag) for lag in lags if lag is not None]),
    )


def _peaks(curve: Curve, threshold: float, gap: int) -> list[int]:
    """Indices of values above the threshold, the strongest first, none within `gap` of a stronger one; rising."""
    kept: list[int] = []
    for index in np.argsort(-curve, kind="stable"):
        if curve[index] <= threshold:
            break
        if all(abs(index - other) >= gap for other in kept):
            kept.append(int(index))
    return sorted(kept)


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
