"""Sync by the Bridge guidance scale: this model's metrics, and the MOVA report's Table 5.

The two are of other models, data and detectors, so they share no axis: only the shapes of the curves can be compared.
A ring marks the best scale of a curve, and its label says what the highest scale loses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measuring.metric import Direction
from mova_core.evaluation.sweeps.beyond_best import best_scale
from mova_core.reporting.charts.style import KEEP, LOSE, SOFT, css_class, new_figure, styled, to_svg, tooltip
from mova_core.reporting.charts.table_5 import DESYNC, IB_SCORE, SCALES, VALUES
from mova_core.reporting.phase_reports import Evaluated, SweepEntry

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.ticker import MaxNLocator

PLOT_FILE = "sweep.svg"  # in the folder of an evaluation


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a scale, with its interval where it has one."""

    scale: float
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One curve by rising scale; `levels` are dashed lines by name, `mark` is matplotlib's."""

    title: str
    points: Sequence[Point]
    levels: Mapping[str, float]
    colour: str
    mark: str
    better: Direction


def sweep_charts(evaluation: Evaluated) -> tuple[str, str]:
    """This model's chart, and that of the MOVA report, each two panels high."""
    return (
        _drawn("this model by s_B, text scale 1", [our_panels(evaluation)], 330),
        _drawn("MOVA report, Table 5, by s_B, text scale 5", [report_panels()], 330),
    )


def sweep_chart(evaluation: Evaluated) -> str:
    """Both side by side."""
    columns = [our_panels(evaluation), report_panels()]
    return _drawn("this model by s_B (left); MOVA report, Table 5 (right)", columns, 700)


def our_panels(evaluation: Evaluated) -> list[Panel]:
    """Event F1 and offset; AV-Align where events are not known."""
    names = ("event_f1", "offset_s") if evaluation.synthetic else ("av_align",)
    return [_panel(name, evaluation) for name in names]


def report_panels(names: Sequence[str] = (DESYNC, IB_SCORE)) -> list[Panel]:
    """What the MOVA report measured."""
    panels = []
    for name in names:
        better, values = VALUES[name]
        points = [Point(scale, value) for scale, value in zip(SCALES, values, strict=True)]
        panels.append(Panel(f"{name} ({better} is better)", points, {}, LOSE, "s", better))
    return panels


def report_chart() -> str:
    """All of the MOVA report's Table 5, in two columns."""
    names = list(VALUES)
    return _drawn("MOVA report, Table 5, by s_B, text scale 5", [report_panels(names[at::2]) for at in (0, 1)], 560)


def beyond_best(scales: Sequence[float], values: Sequence[float], better: Direction) -> str:
    """Where a curve is best and what its highest scale loses, in a few words; empty where there is no curve."""
    best = best_scale(values, better)
    if best is None or len(scales) < 2:
        return ""
    if not best.losses:
        return f"best at {scales[-1]:g}, the highest"
    loss = f"{best.losses[-1]:.3f}"
    return f"best at {scales[best.index]:g}; at {scales[-1]:g} {'as good' if loss == '0.000' else f'worse by {loss}'}"


def mark_best(axes: "Axes", scales: Sequence[float], values: Sequence[float], better: Direction, colour: str) -> None:
    """A ring around the best point of a curve, which tells what each scale beyond it loses."""
    best = best_scale(values, better)
    if best is None or len(scales) < 2:
        return
    losses = zip(scales[best.index + 1 :], best.losses, strict=True)
    told = [f"best at {scales[best.index]:g}", *(f"{scale:g}: worse by {loss:.3f}" for scale, loss in losses)]
    place = scales[best.index], values[best.index]
    (ring,) = axes.plot(*place, "o", markersize=12, markerfacecolor="none", markeredgecolor=colour)
    tooltip(ring, "; ".join(told))


def _panel(name: str, evaluation: Evaluated) -> Panel:
    spec = CATALOGUE[name]
    points = [
        Point(entry.bridge_guidance_scale, level.value, level.low, level.high)
        for entry in evaluation.sweep
        if entry.bridge_guidance_scale is not None and (level := entry.metrics[name]).value is not None
    ]
    metric = evaluation.metrics.get(name)
    levels = {
        "Bridge off": _without_bridge(evaluation.sweep, name),
        "shuffled pairs": metric.shuffled if metric else None,
        "data": metric.data if metric else None,
    }
    known = {each: value for each, value in levels.items() if value is not None}
    return Panel(f"{spec.title} ({spec.better} is better)", points, known, KEEP, "o", spec.better)


def _without_bridge(entries: Sequence[SweepEntry], name: str) -> float | None:
    return next((entry.metrics[name].value for entry in entries if entry.bridge_guidance_scale is None), None)


def _drawn(label: str, columns: Sequence[Sequence[Panel]], width_px: int) -> str:
    rows = max(map(len, columns))
    with styled():
        figure = new_figure(width_px, 180 * rows)
        grid = figure.subplots(rows, len(columns), squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for column, panels in enumerate(columns):
            for row, panel in enumerate(panels):
                _draw_panel(grid[row, column], panel)
    return to_svg(figure, label, classes="sweep")


def _draw_panel(axes: "Axes", panel: Panel) -> None:
    axes.set_axis_on()
    axes.set_title(panel.title)
    if not panel.points:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "unavailable: nothing to measure", transform=axes.transAxes, ha="center")
        return
    scales, values = [point.scale for point in panel.points], [point.value for point in panel.points]
    axes.plot(scales, values, color=panel.colour)
    for point in panel.points:
        if point.low is not None and point.high is not None:
            axes.plot([point.scale] * 2, [point.low, point.high], color=panel.colour)
        (mark,) = axes.plot(point.scale, point.value, panel.mark, color=panel.colour, markersize=6)
        tooltip(mark, f"s_B {point.scale:g}: {point.value:.3f}")
    for value in panel.levels.values():
        css_class(axes.axhline(value, color=SOFT, linestyle="--", linewidth=1), "level")
    _name_levels(axes, panel.levels)
    axes.set_xticks(scales)
    mark_best(axes, scales, values, panel.better, panel.colour)
    axes.set_xlabel(", ".join(filter(None, ("s_B", beyond_best(scales, values, panel.better)))))
    axes.yaxis.set_major_locator(_few_ticks())


def _name_levels(axes: "Axes", levels: Mapping[str, float]) -> None:
    """Names at the right end of their lines, moved apart where two lie near each other."""
    low, high = axes.get_ylim()
    least, taken = 0.1 * (high - low), -float("inf")
    for name, value in sorted(levels.items(), key=lambda level: level[1]):
        taken = max(value, taken + least)
        place = (1.02, (taken - low) / (high - low))
        axes.annotate(f"{name} {value:.2f}", place, xycoords="axes fraction", va="center", annotation_clip=False)


def _few_ticks() -> "MaxNLocator":
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4)
