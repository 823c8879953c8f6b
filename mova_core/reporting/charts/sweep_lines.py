"""A metric of a sweep by one setting, a line for each value of another; the best of each line has a ring."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.sweeps.result import SweptPoint
from mova_core.reporting.charts.style import KEEP, SOFT, css_class, new_figure, styled, to_svg, tooltip
from mova_core.reporting.charts.sweep import beyond_best, mark_best
from mova_core.reporting.charts.sweep_slice import CHART_PX, Slice, symbol

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES: tuple[tuple[Any, str], ...] = (("-", "o"), ("--", "s"), (":", "^"), ("-.", "D"), ((0, (5, 1, 1, 1, 1, 1)), "v"))
"""Line and mark of each, in turn."""
Known = tuple[float, float, SweptPoint]  # value of the setting, value of the metric, point


def lines_chart(plane: Slice, name: str) -> str:
    """The lines of one metric; each line's best, and what its highest value loses, stand in the legend."""
    spec, rows = CATALOGUE[name], plane.rows
    with styled():
        figure = new_figure(CHART_PX, 190 + 16 * len(rows))
        axes = figure.add_subplot()
        axes.set_title(f"{spec.title} ({spec.better} is better)")
        for number, row in enumerate(rows):
            line = LINES[number % len(LINES)]
            known = [
                (at, value, point) for at, _, point in plane.points(row) if (value := point.value(name)) is not None
            ]
            if known:
                label = "" if row is None or plane.y is None else f"{symbol(plane.y)} {row:g}"
                _draw_line(axes, name, known, line, (symbol(plane.x), label))
            control = plane.control(row)
            if control is not None and (level := control.value(name)) is not None:
                css_class(axes.axhline(level, color=SOFT, linestyle=line[0], linewidth=1), "level")
        values = plane.sweep.axes[plane.x]
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.set_xlabel(symbol(plane.x))
        if axes.get_lines():
            axes.legend(loc="upper left", bbox_to_anchor=(0, -0.24), handlelength=3)
    return to_svg(figure, f"{spec.label} by {symbol(plane.x)}", classes="sweep")


def _known(plane: Slice, row: float | None, name: str) -> list[Known]:
    return [(at, value, point) for at, _, point in plane.points(row) if (value := point.value(name)) is not None]


def _draw_line(
    axes: "Axes",
    name: str,
    known: Sequence[Known],
    line: tuple[Any, str],
    words: tuple[str, str],
) -> None:
    better, (of_x, label) = CATALOGUE[name].better, words
    scales, values = [each[0] for each in known], [each[1] for each in known]
    told = ": ".join(filter(None, (label, beyond_best(scales, values, better))))
    axes.plot(scales, values, linestyle=line[0], marker=line[1], markersize=4, color=KEEP, label=told or " ")
    for at, value, point in known:
        metric = point.metrics[name]
        if metric.low is not None and metric.high is not None:
            axes.plot([at] * 2, [metric.low, metric.high], color=KEEP, linewidth=0.8, alpha=0.5)
        (drawn,) = axes.plot(at, value, line[1], color=KEEP, markersize=5)
        tooltip(drawn, ", ".join(filter(None, (f"{of_x} {at:g}", label))) + f": {value:.3f}")
    mark_best(axes, scales, values, better, KEEP)
