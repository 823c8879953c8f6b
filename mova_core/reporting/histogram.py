"""Histograms of the measures with the limits that clips were judged by, as numbers ready to draw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mova_core.curation.assess.measure_groups import unavailable_measures
from mova_core.curation.tables import MEASURES
from mova_core.params import AssessParams, Params

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
    "loudness_range_lu": "loudness range, LU",
    "clipping_runs_hz": "clipping runs per second",
    "brightness": "brightness, share of white",
    "blur_px": "width of edges (blur), px",
    "blocking": "blocking (1: none)",
    "flow_speed": "speed of the picture, shorter sides per second",
    "av_align": "AV-Align of sound and picture",
    "onset_lag_s": "lag of sound behind picture, s",
    "dnsmos_p808": "speech quality, DNSMOS P.808",
    "dnsmos_sig": "speech signal, DNSMOS P.835",
    "dnsmos_bak": "quiet behind speech, DNSMOS P.835",
    "dnsmos_ovrl": "speech overall, DNSMOS P.835",
    "text_share": "share of frames with text",
    "subtitle_share": "share of frames with subtitles",
}


@dataclass(frozen=True, slots=True)
class Histogram:
    """One measure over all clips.

    `bars` are heights 0..1 of equal bins from `low` to `high`; `limit` is where clips start to fail, `keep` the side
    (`below` or `above`) that passes; both are None for a measure without a limit. `former` is the limit before, where
    another one is tried.
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
    former: float | None = None

    @property
    def limit_position(self) -> float | None:
        """Where the limit lies between low and high, 0..1."""
        return self._position(self.limit)

    @property
    def former_position(self) -> float | None:
        """Where the limit before lay, if it was another one."""
        return None if self.former == self.limit else self._position(self.former)

    def _position(self, value: float | None) -> float | None:
        if value is None or not self.low <= value <= self.high:
            return None
        return (value - self.low) / (self.high - self.low)


def measure_histograms(
    params: Params, verdicts: Sequence[Mapping[str, Any]], former: AssessParams | None = None
) -> tuple[list[Histogram], dict[str, list[str]]]:
    """Histograms of what was measured; and of the measures that no clip has, reason -> names.

    Args:
        params: whose limits are drawn, and what `verdicts` were judged by.
        verdicts: rows of the table.
        former: limits before, drawn beside them.
    """
    limits, reasons = params.assess, unavailable_measures(params)
    histograms: list[Histogram] = []
    unavailable: dict[str, list[str]] = {}
    for measure in MEASURES:
        values = np.array([row[measure] for row in verdicts if row[measure] is not None], dtype=np.float64)
        if not len(values):
            unavailable.setdefault(reasons.get(measure, "it could be measured on no clip"), []).append(measure)
            continue
        failed = sum(measure in row["rejections"] for row in verdicts)
        histograms.append(_histogram(measure, values, limits, former or limits, failed))
    return histograms, unavailable


def _histogram(
    measure: str, values: NDArray[np.float64], limits: AssessParams, former: AssessParams, failed: int
) -> Histogram:
    (limit, keep), (before, _) = _limit(measure, limits), _limit(measure, former)
    span = [*values, *(each for each in (limit, before) if each is not None)]
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
        former=before,
    )


def _limit(measure: str, limits: AssessParams) -> tuple[float | None, str | None]:
    for suffix, keep in (("below", "below"), ("above", "above"), ("at_least", "above"), ("at_most", "below")):
        value = getattr(limits, f"{measure}_{suffix}", None)
        if value is not None:
            return float(value), keep
    return None, None
