"""A metric over two settings of a sweep: a cell a point, the stronger its colour the better.

The best cell has a frame, the suggested one a star; controls without the Bridge stand in a column of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.sweeps.axes import described
from mova_core.evaluation.sweeps.judge import oriented
from mova_core.evaluation.sweeps.result import SweptPoint
from mova_core.reporting.charts.style import INK, KEEP, SOFT, new_figure, styled, to_svg, tooltip
from mova_core.reporting.charts.sweep_slice import CHART_PX, Slice, symbol

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Rectangle

STRONGEST = 0.6  # opacity of the best cell, so that its text can be read
WIDTH_PX, HEIGHT_PX = 56, 32  # of a cell


@dataclass(frozen=True, slots=True)
class Cell:
    """A point at its place, column and row from the lower left; `number` None of a control."""

    column: int
    row: int
    number: int | None
    point: SweptPoint


def heat_map(plane: Slice, name: str) -> str:
    """The plane of one metric; a cell that has no value has a dash."""
    spec, cells = CATALOGUE[name], _cells(plane)
    columns = ["off"] * any(cell.number is None for cell in cells)
    columns += [f"{value:g}" for value in plane.sweep.axes[plane.x]]
    rows = ["" if row is None else f"{row:g}" for row in plane.rows]
    with styled():
        figure = new_figure(max(CHART_PX, WIDTH_PX * len(columns) + 60), HEIGHT_PX * len(rows) + 70)
        axes = figure.add_subplot()
        axes.set_title(f"{spec.title} ({spec.better} is better)")
        _draw_cells(axes, cells, name, plane.sweep.suggestion.point)
        axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-0.5, len(rows) - 0.5))
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(rows)), rows)
        axes.set(xlabel=symbol(plane.x), ylabel="" if plane.y is None else symbol(plane.y))
    return to_svg(figure, f"{spec.label} by {symbol(plane.x)} and {symbol(plane.y or '')}", classes="heat-map")


def _cells(plane: Slice) -> list[Cell]:
    """The plane's points; a control is in the first column, and moves the others by one."""
    controls = [(row, point) for row, at in enumerate(plane.rows) if (point := plane.control(at)) is not None]
    places = {value: column + bool(controls) for column, value in enumerate(plane.sweep.axes[plane.x])}
    return [Cell(0, row, None, point) for row, point in controls] + [
        Cell(places[value], row, number, point)
        for row, at in enumerate(plane.rows)
        for value, number, point in plane.points(at)
    ]


def _draw_cells(axes: "Axes", cells: Sequence[Cell], name: str, suggested: int | None) -> None:
    goods = {
        (cell.column, cell.row): oriented(name, value)
        for cell in cells
        if (value := cell.point.value(name)) is not None
    }
    places = [(cell.column, cell.row) for cell in cells if cell.number is not None]
    best = max((place for place in places if place in goods), key=lambda place: goods[place], default=None)
    low, high = min(goods.values(), default=0.0), max(goods.values(), default=0.0)
    for cell in cells:
        place = cell.column, cell.row
        strength = (goods[place] - low) / (high - low) if place in goods and high > low else 0.0
        tooltip(_box(axes, place, STRONGEST * strength), _told(cell.point, name))
        _frame(axes, place, strong=place == best)
        value = cell.point.value(name)
        star = " ★" if cell.number is not None and cell.number == suggested else ""
        words = "–" if value is None else f"{value:.3f}{star}"
        axes.text(*place, words, ha="center", va="center", color=INK, zorder=4)


def _box(axes: "Axes", place: tuple[int, int], opacity: float) -> "Rectangle":
    from matplotlib.patches import Rectangle

    box = Rectangle((place[0] - 0.5, place[1] - 0.5), 1, 1, facecolor=KEEP, alpha=opacity, linewidth=0)
    axes.add_patch(box)
    return box


def _frame(axes: "Axes", place: tuple[int, int], strong: bool) -> None:
    from matplotlib.patches import Rectangle

    edge, width, layer = (INK, 1.8, 3) if strong else (SOFT, 0.3, 2)
    corner = place[0] - 0.5, place[1] - 0.5
    axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=edge, linewidth=width, zorder=layer))


def _told(point: SweptPoint, name: str) -> str:
    metric, where = point.metrics.get(name), described(point.settings, point.bridge)
    if metric is None or metric.value is None:
        return f"{where}: unavailable: {metric.unavailable if metric else 'it was not measured'}"
    if metric.low is None or metric.high is None:
        return f"{where}: {metric.value:.3f}"
    return f"{where}: {metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})"
