"""Histograms of the measures with the limits that clips were judged by, as numbers ready to draw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mova_core.curation.assess.measure_groups import unavailable_measures
from mova_core.curation.columns import Measure
from mova_core.curation.tables import MEASURES
from mova_core.params import AssessParams, Params

BINS = 32


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
        name = measure.name
        values = np.array([row[name] for row in verdicts if row[name] is not None], dtype=np.float64)
        if not len(values):
            unavailable.setdefault(reasons.get(name, "it could be measured on no clip"), []).append(name)
            continue
        failed = sum(name in row["rejections"] for row in verdicts)
        histograms.append(_histogram(measure, values, limits, former or limits, failed))
    return histograms, unavailable


def _histogram(
    measure: Measure, values: NDArray[np.float64], limits: AssessParams, former: AssessParams, failed: int
) -> Histogram:
    (limit, keep), (before, _) = _limit(measure, limits), _limit(measure, former)
    span = [*values, *(each for each in (limit, before) if each is not None)]
    low, high = float(min(span)), float(max(span))
    if high == low:
        high = low + 1.0
    counts, _ = np.histogram(values, bins=BINS, range=(low, high))
    tallest = max(1, counts.max())
    return Histogram(
        measure=measure.name,
        label=measure.label,
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


def _limit(measure: Measure, limits: AssessParams) -> tuple[float | None, str | None]:
    if measure.limit is None:
        return None, None
    return float(getattr(limits, measure.limit_name)), "above" if measure.limit in ("above", "at_least") else "below"
