"""Histograms of the measures with the limits that clips were judged by, as numbers ready to draw."""

from dataclasses import dataclass

import numpy as np

from mova_core.curation.layout import DataFolder
from mova_core.curation.tables import MEASURES, read_table
from mova_core.params import AssessParams

BINS = 32
LABELS = {
    "silence_ratio": "silent share of the sound",
    "bandwidth_hz": "bandwidth of the sound, Hz",
    "lufs": "loudness, LUFS",
    "clipped_share": "clipped share of the sound",
    "black_share": "share of black frames",
    "frozen_share": "share of frozen frames",
    "motion": "motion",
    "noise_sd": "picture noise (standard deviation, 0..1)",
    "speech_share": "share of speech",
}


@dataclass(frozen=True, slots=True)
class Histogram:
    """One measure over all clips.

    `bars` are heights 0..1 of equal bins from `low` to `high`; `limit` is where clips start to fail, `keep` the side
    (`below` or `above`) that passes; both are None for a measure without a limit.
    """

    measure: str
    label: str
    low: float
    high: float
    bars: tuple[float, ...]
    counts: tuple[int, ...]
    limit: float | None
    keep: str | None
    failed: int
    clips: int

    @property
    def limit_position(self) -> float | None:
        """Where the limit lies between low and high, 0..1."""
        if self.limit is None or not self.low <= self.limit <= self.high:
            return None
        return (self.limit - self.low) / (self.high - self.low)


def measure_histograms(limits: AssessParams, data: DataFolder) -> tuple[list[Histogram], list[str]]:
    """Histograms of what was measured, and the names of the measures that were not available for any clip."""
    verdicts = read_table(data.table("verdicts"), "verdicts")
    histograms, unavailable = [], []
    for measure in MEASURES:
        values = np.array([row[measure] for row in verdicts if row[measure] is not None], dtype=np.float64)
        if not len(values):
            unavailable.append(measure)
            continue
        failed = sum(measure in row["rejections"] for row in verdicts)
        histograms.append(_histogram(measure, values, limits, failed))
    return histograms, unavailable


def _histogram(
    measure: str, values: "np.ndarray[tuple[int], np.dtype[np.float64]]", limits: AssessParams, failed: int
) -> Histogram:
    limit, keep = _limit(measure, limits)
    span = [*values, limit] if limit is not None else list(values)
    low, high = float(min(span)), float(max(span))
    if high == low:
        high = low + 1.0
    counts, _ = np.histogram(values, bins=BINS, range=(low, high))
    tallest = max(1, counts.max())
    return Histogram(
        measure=measure,
        label=LABELS.get(measure, measure),
        low=low,
        high=high,
        bars=tuple(float(count / tallest) for count in counts),
        counts=tuple(int(count) for count in counts),
        limit=limit,
        keep=keep,
        failed=failed,
        clips=len(values),
    )


def _limit(measure: str, limits: AssessParams) -> tuple[float | None, str | None]:
    for suffix, keep in (("below", "below"), ("above", "above"), ("at_least", "above"), ("at_most", "below")):
        value = getattr(limits, f"{measure}_{suffix}", None)
        if value is not None:
            return float(value), keep
    return None, None
