"""Sync against text following: the points of a sweep, those that no other beats joined by a line."""

from typing import TYPE_CHECKING

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.sweeps.axes import described
from mova_core.evaluation.sweeps.result import Sweep
from mova_core.reporting.charts.style import KEEP, LOSE, SOFT, new_figure, styled, to_svg, tooltip
from mova_core.reporting.charts.sweep_slice import CHART_PX

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def front_chart(sweep: Sweep) -> str:
    """A panel for each metric of text following; a star is the suggestion, a cross a control without the Bridge."""
    assert sweep.sync_metric is not None and sweep.text_metrics, "there is a front"
    with styled():
        figure = new_figure(CHART_PX, 220 * len(sweep.text_metrics))
        panels = figure.subplots(len(sweep.text_metrics), 1, squeeze=False)[:, 0]
        for axes, name in zip(panels, sweep.text_metrics, strict=True):
            _draw(axes, sweep, sweep.sync_metric, name)
    return to_svg(figure, f"{CATALOGUE[sweep.sync_metric].label} against text following", classes="front")


def _draw(axes: "Axes", sweep: Sweep, sync: str, text: str) -> None:
    placed = []
    for number, point in enumerate(sweep.points):
        x, y = point.value(text), point.value(sync)
        if x is None or y is None:
            continue
        on_front, suggested = number in sweep.front.points, number == sweep.suggestion.point
        colour = KEEP if on_front else SOFT
        mark, size = ("*", 13) if suggested else ("o", 7) if on_front else ("o", 4) if point.bridge else ("x", 6)
        layer = 5 if suggested else 4 if on_front else 3
        (drawn,) = axes.plot(x, y, mark, color=LOSE if suggested else colour, markersize=size, zorder=layer)
        tooltip(drawn, f"{described(point.settings, point.bridge)}: {y:.3f} against {x:.3f}")
        if on_front:
            placed.append((x, y))
    if len(placed) > 1 and len(sweep.text_metrics) == 1:  # of several the front is no line in one
        axes.plot(*zip(*sorted(placed), strict=True), color=KEEP, linewidth=1, zorder=1)
    axes.set_xlabel(f"{CATALOGUE[text].title} ({CATALOGUE[text].better} is better)")
    axes.set_ylabel(CATALOGUE[sync].title)
    axes.margins(0.12)
