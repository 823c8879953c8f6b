"""Histograms of the measures with the limits that clips were judged by, drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mova_core.curation.assess.measure_groups import unavailable_measures
from mova_core.curation.columns import Measure
from mova_core.curation.tables import MEASURES
from mova_core.params import AssessParams, Params
from mova_core.reporting.charts.style import INK, KEEP, LOSE, SOFT, bare_axes, css_class, styled, to_svg, tooltip
from mova_core.reporting.wording import plural

BINS = 32


@dataclass(frozen=True, slots=True)
class Histogram:
    """One measure over all clips: a chart, and the limit and how many fail in words."""

    measure: str
    label: str
    svg: str
    caption: str
    ends: tuple[str, str]
    limit_changed: bool


@dataclass(frozen=True, slots=True)
class _Limit:
    """Where clips start to fail; `keep` is the side that passes, `below` or `above`."""

    value: float
    keep: str

    def fails(self, value: float) -> bool:
        return value > self.value if self.keep == "below" else value < self.value


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
        limit, before = _limit(measure, limits), _limit(measure, former or limits)
        histograms.append(_histogram(measure, values, limit, before, failed))
    return histograms, unavailable


def _histogram(
    measure: Measure, values: NDArray[np.float64], limit: _Limit | None, before: _Limit | None, failed: int
) -> Histogram:
    limits = [each.value for each in (limit, before) if each is not None]
    low, high = float(min((*values, *limits))), float(max((*values, *limits)))
    if high == low:
        high = low + 1.0
    counts, edges = np.histogram(values, bins=BINS, range=(low, high))
    changed = limit != before
    caption = _caption(limit, before if changed else None, failed, len(values))
    svg = _drawn(f"histogram of {measure.name}", counts, edges, limit, before if changed else None)
    return Histogram(measure.name, measure.label, svg, caption, (f"{low:.4g}", f"{high:.4g}"), changed)


def _drawn(
    label: str, counts: NDArray[np.int64], edges: NDArray[np.float64], limit: _Limit | None, before: _Limit | None
) -> str:
    middles = (edges[:-1] + edges[1:]) / 2
    colours = [LOSE if limit is not None and limit.fails(middle) else KEEP for middle in middles]
    with styled():
        figure, axes = bare_axes(240, 88)
        axes.set(xlim=(edges[0], edges[-1]), ylim=(0, 1.02 * max(1, counts.max())))
        bars = axes.bar(middles, counts, width=0.88 * (edges[1] - edges[0]), color=colours)
        for bar, count, low, high in zip(bars, counts, edges[:-1], edges[1:], strict=True):
            tooltip(bar, f"{low:.4g} to {high:.4g}: {plural(int(count), 'clip')}")
        for name, each, style, colour in (("former", before, ":", SOFT), ("limit", limit, "--", INK)):
            if each is not None:
                line = axes.axvline(each.value, color=colour, linestyle=style, linewidth=1.2, clip_on=False)
                css_class(line, name)
    return to_svg(figure, label)


def _caption(limit: _Limit | None, before: _Limit | None, failed: int, clips: int) -> str:
    if limit is None:
        return f"no limit · {plural(clips, 'clip')}"
    instead = f" instead of {before.value:g}" if before is not None else ""
    return f"kept {limit.keep} {limit.value:g}{instead} · {failed} of {clips} clips fail"


def _limit(measure: Measure, limits: AssessParams) -> _Limit | None:
    if measure.limit is None:
        return None
    keep = "above" if measure.limit in ("above", "at_least") else "below"
    return _Limit(float(getattr(limits, measure.limit_name)), keep)
