"""A plane through the grid of a sweep: two settings vary, the others are held where the suggestion has them."""

from collections.abc import Mapping
from dataclasses import dataclass

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.sweeps.result import Sweep, SweptPoint

CHART_PX = 380  # width of a chart
# How settings are called in charts, after the MOVA report; the others by their own names.
SYMBOLS = {"bridge_guidance_scale": "s_B", "text_guidance_scale": "s_T"}


@dataclass(frozen=True, slots=True)
class Slice:
    """A plane through a grid.

    Args:
        sweep: all of it.
        x: setting along the plane's first side.
        y: along its second side; None: a line.
        held: value of each other setting.
    """

    sweep: Sweep
    x: str
    y: str | None
    held: Mapping[str, float]

    @property
    def rows(self) -> list[float | None]:
        """Values of the second side; of a line one row, None."""
        return [None] if self.y is None else list(self.sweep.axes[self.y])

    def points(self, row: float | None) -> list[tuple[float, int, SweptPoint]]:
        """Value along the first side, number and point, by rising value."""
        asked = self._asked(row)
        found = [
            (point.settings[self.x], number, point)
            for number, point in self.sweep.grid
            if all(point.settings[name] == value for name, value in asked.items())
        ]
        return sorted(found, key=lambda each: each[0])

    def control(self, row: float | None) -> SweptPoint | None:
        """The point without the Bridge that belongs to a row; None where there is none, or the row has several."""
        asked = self._asked(row)
        found = [
            point
            for point in self.sweep.points
            if not point.bridge and all(asked.get(name) == value for name, value in point.settings.items())
        ]
        return found[0] if len(found) == 1 else None

    def told(self) -> str:
        """What is held, in a few words."""
        return ", ".join(f"{symbol(name)} {value:g}" for name, value in self.held.items())

    def _asked(self, row: float | None) -> dict[str, float]:
        return dict(self.held) | ({} if self.y is None or row is None else {self.y: row})


def slices(sweep: Sweep) -> list[Slice]:
    """The planes to show: settings two by two, in the order in which they were named."""
    names, held = list(sweep.axes), _held(sweep)
    pairs = [names[start : start + 2] for start in range(0, len(names), 2)]
    return [
        Slice(
            sweep,
            pair[0],
            pair[1] if len(pair) == 2 else None,
            {name: value for name, value in held.items() if name not in pair},
        )
        for pair in pairs
    ]


def symbol(name: str) -> str:
    """A setting as charts call it."""
    return SYMBOLS.get(name, name.replace("_", " "))


def shown_metrics(sweep: Sweep) -> list[str]:
    """Metrics that have charts: those that the sweep is judged by; without any, those with a direction and a value."""
    return [*([] if sweep.sync_metric is None else [sweep.sync_metric]), *sweep.text_metrics] or [
        name for name in sweep.best if CATALOGUE[name].swept
    ]


def _held(sweep: Sweep) -> dict[str, float]:
    """The suggestion's settings; without one the model's own, or the first value where the grid has not that."""
    if sweep.suggestion.point is not None:
        return dict(sweep.suggestion.settings)
    own = sweep.defaults
    return {
        name: value if (value := own[name]) is not None and value in values else values[0]
        for name, values in sweep.axes.items()
    }
