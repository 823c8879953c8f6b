"""A metric's value of each set of a suite, as bars that name it."""

from collections.abc import Sequence
from dataclasses import dataclass

from mova_core.reporting.charts.style import INK, KEEP, LOSE, new_figure, styled, to_svg, tooltip
from mova_core.reporting.wording import one_line, plural


@dataclass(frozen=True, slots=True)
class SetValue:
    """Of the clips of one set, with its 95 % interval where it has one."""

    name: str
    value: float
    clips: int
    low: float | None = None
    high: float | None = None


def set_bars_chart(label: str, sets: Sequence[SetValue]) -> str:
    """Draw one metric; `sets` in the order of the bars, from the top."""
    places = range(len(sets))
    with styled():
        figure = new_figure(240, 26 + 20 * len(sets))
        axes = figure.add_subplot()
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.set_yticks(places, [one_line(each.name) for each in sets], parse_math=False)
        axes.tick_params(length=0)
        axes.invert_yaxis()
        axes.axvline(0, color=INK, linewidth=1)
        bars = axes.barh(places, [each.value for each in sets], 0.6, color=KEEP)
        for place, bar, each in zip(places, bars, sets, strict=True):
            tooltip(bar, f"{one_line(each.name)}: {each.value:.4g}, {plural(each.clips, 'clip')}")
            if each.low is not None and each.high is not None:
                axes.plot([each.low, each.high], [place, place], color=LOSE, linewidth=2)
        axes.locator_params(axis="x", nbins=4)
    return to_svg(figure, f"{label} by set")
