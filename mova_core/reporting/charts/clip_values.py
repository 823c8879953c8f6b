"""Values of a metric over clips: a mark a clip where they are few, a histogram where they are many.

These clips are filled, those of a reference hollow; the dashed line is the mean of these clips.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mova_core.reporting.charts.style import CARD, INK, KEEP, LOSE, bare_axes, css_class, styled, to_svg, tooltip
from mova_core.reporting.wording import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 25  # clips that are still drawn one by one
BINS = 24
WIDTH, HEIGHT, MARGIN = 240, 88, 5
COLUMNS = 40  # places of marks side by side; marks of one place are stacked
Values = Sequence[tuple[str, float]]  # clip -> its value


@dataclass(frozen=True, slots=True)
class _Strip:
    """How the marks of one row of clips look; `floor` and `top` bound the row."""

    floor: float
    top: float
    shape: str
    edge: str
    face: str
    css: str


def clip_values_chart(label: str, clips: Values, reference: Values) -> str:
    """Draw the clips' values of one metric; there is at least one clip."""
    numbers = np.array([value for _, value in (*clips, *reference)], np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    with styled():
        figure, axes = bare_axes(WIDTH, HEIGHT, MARGIN, MARGIN)
        room = (high - low or 1.0) * 0.01
        axes.set(xlim=(low - room, high + room), ylim=(-0.02, 1.04))
        (_marks if max(len(clips), len(reference)) <= FEW else _histogram)(axes, clips, reference, (low, high))
        mean = float(np.mean([value for _, value in clips]))
        css_class(axes.axvline(mean, color=INK, linestyle="--", linewidth=1, clip_on=False), "mean")
    return to_svg(figure, f"{label} over clips")


def _marks(axes: "Axes", clips: Values, reference: Values, ends: tuple[float, float]) -> None:
    floor = 0.55 if reference else 0.1
    _strip(axes, clips, _Strip(floor, 0.95, "o", KEEP, KEEP, "these"), ends)
    _strip(axes, reference, _Strip(0.08, 0.45, "s", LOSE, CARD, "reference"), ends)


def _strip(axes: "Axes", clips: Values, strip: _Strip, ends: tuple[float, float]) -> None:
    """Marks side by side, those that would cover each other stacked."""
    low, high = ends
    places = [round((value - low) / ((high - low) or 1.0) * COLUMNS) for _, value in clips]
    highest = max((places.count(place) for place in places), default=1)
    step = min(0.16, (strip.top - strip.floor) / max(1, highest - 1))
    taken: dict[int, int] = {}
    for (name, value), place in zip(clips, places, strict=True):
        height = strip.floor + step * taken.get(place, 0)
        taken[place] = taken.get(place, 0) + 1
        (mark,) = axes.plot(
            [value], [height], strip.shape, markersize=6, markeredgecolor=strip.edge, markerfacecolor=strip.face
        )
        mark.set_clip_on(False)
        tooltip(mark, f"{one_line(name)}: {value:.4g}{' (reference)' if strip.css == 'reference' else ''}")


def _histogram(axes: "Axes", clips: Values, reference: Values, ends: tuple[float, float]) -> None:
    edges = np.histogram_bin_edges(np.array(ends), BINS, ends if ends[1] > ends[0] else (ends[0], ends[0] + 1))
    shares = _shares(clips, edges)
    beside = _shares(reference, edges) if reference else None
    highest = max(shares.max(), 0.0 if beside is None else beside.max())
    middles, width = (edges[:-1] + edges[1:]) / 2, 0.88 * (edges[1] - edges[0])
    bars = axes.bar(middles, shares / highest, width, color=KEEP)
    for index, bar in enumerate(bars):
        told = f"{edges[index]:.4g} to {edges[index + 1]:.4g}: {shares[index]:.1%} of the clips"
        tooltip(bar, told if beside is None else f"{told}, {beside[index]:.1%} of the reference")
    if beside is not None:
        steps: Any = axes.stairs(beside / highest, edges, color=LOSE, linewidth=1.5)
        css_class(steps, "reference")


def _shares(clips: Values, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    counts = np.histogram([value for _, value in clips], edges)[0]
    shares: NDArray[np.float64] = counts / max(1, len(clips))
    return shares
