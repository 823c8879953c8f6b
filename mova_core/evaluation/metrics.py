"""The metrics of a set of clips, each a `RatioMetric`, and the same of wrongly paired clips (the shuffled baseline).

    event_f1, offset_s, desync_s   see `events.py`; synthetic world only
    event_f1_over_shuffled         event_f1 less its shuffled baseline
    av_align                       IoU of sound onsets and peaks of the picture's change, within one frame; any footage
    video_class, audio_class       share of clips whose measured class is the prompt's; synthetic world only
    loudness_error_lu, rms_error_db   distance from the mean of validation clips
    audible_share                  share of clips with a loudness above the limit of section `assess`
The shuffled baseline pairs the video of a clip with the audio of another of its class, or its class with another text.
What cannot be measured is absent, never 0.
Source of AV-Align: arXiv:2309.16429, section 4; its optical flow is here the mean change of luminance.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mova_core.evaluation.classes import audio_class, video_class
from mova_core.evaluation.events import (
    LUMA,
    Curve,
    audio_onsets,
    audio_rise,
    desync,
    floor_rise,
    matches,
    video_events,
)
from mova_core.evaluation.ratio_metric import RatioMetric
from mova_core.evaluation.suite import LabelledClip
from mova_core.geometry import ClipGeometry
from mova_core.media.loudness import integrated_lufs

SHUFFLES = 7  # wrong partners of each clip within its class
EVENT_METRICS = ("event_f1", "offset_s", "desync_s")
CLASS_METRICS = ("video_class", "audio_class")
LOWER_IS_BETTER = ("offset_s", "desync_s", "loudness_error_lu", "rms_error_db", "validation_loss")


@dataclass(frozen=True, slots=True)
class ClipMetrics:
    """What is seen and heard in one clip; times in seconds, loudness None where there is none."""

    events: list[float]
    onsets: list[float]
    peaks: list[float]
    floor: Curve
    rise: Curve
    seen: str | None
    heard: str | None
    lufs: float | None
    rms_db: float | None
    label: str | None


def measure(clip: LabelledClip, geometry: ClipGeometry) -> ClipMetrics:
    """Everything that is measured of one clip alone."""
    fps, rate_hz = float(geometry.fps), geometry.audio_rate_hz
    rms = float(np.sqrt(np.mean(clip.audio.astype(np.float64) ** 2)))
    return ClipMetrics(
        events=video_events(clip.frames, fps),
        onsets=audio_onsets(clip.audio, rate_hz),
        peaks=video_peaks(clip, fps),
        floor=floor_rise(clip.frames),
        rise=audio_rise(clip.audio, rate_hz),
        seen=video_class(clip.frames),
        heard=audio_class(clip.audio, rate_hz),
        lufs=integrated_lufs(clip.audio, rate_hz),
        rms_db=20 * float(np.log10(rms)) if rms > 0 else None,
        label=clip.label,
    )


def video_peaks(clip: LabelledClip, fps: float) -> list[float]:
    """Times at which the picture changes more than in the frames beside and than on average, rising."""
    luma = clip.frames.astype(np.float32) @ np.asarray(LUMA, np.float32)
    change = np.abs(np.diff(luma, axis=0)).mean(axis=(1, 2), dtype=np.float64)
    inner = change[1:-1]
    found = np.flatnonzero((inner > change[:-2]) & (inner >= change[2:]) & (inner > change.mean()))
    return [(int(index) + 1.5) / fps for index in found]  # change k leads to frame k + 1, half a frame before it


def sync_metrics(
    pairs: Sequence[tuple[ClipMetrics, ClipMetrics]], geometry: ClipGeometry, *, made: bool
) -> dict[str, RatioMetric]:
    """Measures of how well the picture of the first of each pair agrees with the sound of the second."""
    fps = float(geometry.fps)
    metrics = {"av_align": RatioMetric.mean([_iou(seen.peaks, heard.onsets, 1 / fps) for seen, heard in pairs])}
    if not made:
        return metrics
    offsets = [
        [min(abs(onset - event) for onset in heard.onsets) for event in seen.events] if heard.onsets else []
        for seen, heard in pairs
    ]
    lags = [desync(seen.floor, fps, heard.rise) for seen, heard in pairs]
    return metrics | {
        "event_f1": RatioMetric(
            np.array([2.0 * matches(seen.events, heard.onsets, 1 / fps) for seen, heard in pairs]),
            np.array([float(len(seen.events) + len(heard.onsets)) for seen, heard in pairs]),
        ),
        "offset_s": RatioMetric(
            np.array([float(sum(each)) for each in offsets]), np.array([float(len(each)) for each in offsets])
        ),
        "desync_s": RatioMetric.mean([None if lag is None else abs(lag) for lag in lags]),
    }


def class_metrics(clips: Sequence[ClipMetrics]) -> dict[str, RatioMetric]:
    """Agreement of the measured classes with the label; a clip of no recognisable class disagrees."""
    return {
        "video_class": RatioMetric.mean([float(clip.seen == clip.label) for clip in clips]),
        "audio_class": RatioMetric.mean([float(clip.heard == clip.label) for clip in clips]),
    }


def loudness_metrics(
    clips: Sequence[ClipMetrics], reference: Sequence[ClipMetrics], audible_above_lufs: float
) -> dict[str, RatioMetric]:
    """Loudness of clips against the mean of reference clips; without any, only what is audible."""
    audible = [clip.lufs is not None and clip.lufs > audible_above_lufs for clip in clips]
    metrics = {"audible_share": RatioMetric.mean([float(each) for each in audible])}
    for name, key in (("loudness_error_lu", "lufs"), ("rms_error_db", "rms_db")):
        known = [value for clip in reference if (value := getattr(clip, key)) is not None]
        if known:
            middle = float(np.mean(known))
            values = [getattr(clip, key) for clip in clips]
            metrics[name] = RatioMetric.mean([None if value is None else abs(value - middle) for value in values])
    return metrics


def clip_set_metrics(
    clips: Sequence[ClipMetrics],
    geometry: ClipGeometry,
    *,
    made: bool,
    reference: Sequence[ClipMetrics],
    audible_above_lufs: float,
) -> dict[str, RatioMetric]:
    """Every measure of true pairs that can be made."""
    metrics = sync_metrics([(clip, clip) for clip in clips], geometry, made=made)
    if made:
        metrics |= class_metrics(clips)
    return metrics | loudness_metrics(clips, reference, audible_above_lufs)


def shuffled_baseline(clips: Sequence[ClipMetrics], geometry: ClipGeometry, *, made: bool) -> dict[str, float | None]:
    """The same measures of wrongly paired clips; where there is no other clip to pair with, nothing."""
    pairs = shuffled_pairs(clips)
    if not pairs:
        return {}
    shuffled = {name: metric.value for name, metric in sync_metrics(pairs, geometry, made=made).items()}
    if made:
        others = [(one, other) for one in clips for other in clips if other is not one]
        shuffled["video_class"] = float(np.mean([one.seen == other.label for one, other in others]))
        shuffled["audio_class"] = float(np.mean([one.heard == other.label for one, other in others]))
    return shuffled


def shuffled_pairs(clips: Sequence[ClipMetrics]) -> list[tuple[ClipMetrics, ClipMetrics]]:
    """Each clip with the next few of its class, as its picture and their sound."""
    groups: dict[str | None, list[ClipMetrics]] = defaultdict(list)
    for clip in clips:
        groups[clip.label].append(clip)
    return [
        (clip, group[(index + step) % len(group)])
        for group in groups.values()
        for index, clip in enumerate(group)
        for step in range(1, min(SHUFFLES, len(group) - 1) + 1)
    ]


def _iou(first_s: list[float], second_s: list[float], tolerance_s: float) -> float | None:
    both = matches(first_s, second_s, tolerance_s)
    either = len(first_s) + len(second_s) - both
    return both / either if either else None
