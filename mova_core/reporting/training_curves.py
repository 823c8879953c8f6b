"""Loss while training as an SVG a phase, and the loss per tenth of sigma at its end.

A line a modality: faint as each step was, strong as a moving mean, marks where validation clips were measured with the
averaged weights. At most `POINTS` points a line, so the page stays light however long a run was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODALITIES = ("video", "audio")
POINTS = 200
WINDOW_SHARE = 0.05  # of the steps, of the moving mean
END_SHARE = 0.1  # of the steps, that count as the end
WIDTH, HEIGHT = 340, 190
LEFT, RIGHT, TOP, BOTTOM = 34, 262, 12, 162
LABEL_GAP, MARK = 14, 3.5
TICK_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)

Line = Mapping[str, Any]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SigmaRow:
    """Mean loss of one modality at the end of a run per tenth of sigma, None where no sample fell.

    `heat` is each value's share of the row's highest, 0..1.
    """

    modality: str
    losses: tuple[float | None, ...]

    @property
    def heat(self) -> tuple[float, ...]:
        highest = max((loss for loss in self.losses if loss is not None), default=0.0)
        return tuple((loss or 0.0) / highest if highest else 0.0 for loss in self.losses)


def loss_plot(lines: Sequence[Line]) -> str:
    """The curves of one run; `lines` as `read_curves` gives them, at least one."""
    curves = {name: np.array([line[name] for line in lines], np.float64) for name in MODALITIES if name in lines[0]}
    top = max(float(values.max()) for values in curves.values()) * 1.02 or 1.0
    last = max(len(lines) - 1, 1)

    def x_at(step: float) -> float:
        return LEFT + (RIGHT - LEFT) * step / last

    def y_at(loss: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * min(loss, top) / top

    parts = [
        f'<svg class="curves" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="loss by step">',
        f'<path class="axis" d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}"/>',
        f'<text x="{LEFT}" y="{BOTTOM + 14}">0</text>',
        f'<text x="{RIGHT}" y="{BOTTOM + 14}" text-anchor="end">{len(lines)} steps</text>',
    ]
    for tick in _ticks(top):
        y = y_at(tick)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{tick:g}</text>')
    shown = np.unique(np.linspace(0, len(lines) - 1, POINTS).round().astype(int))
    labels: list[tuple[float, str, float]] = []
    for name, values in curves.items():
        smooth = moving_mean(values)
        for kind, curve in (("raw", values), ("smooth", smooth)):
            points = " ".join(f"{x_at(step):.1f},{y_at(curve[step]):.1f}" for step in shown)
            parts.append(f'<polyline class="{kind} {name}" points="{points}"/>')
        for line in lines:
            if line.get("validation"):
                parts.append(_mark(name, x_at(line["step"]), y_at(line["validation"][name])))
        labels.append((y_at(float(smooth[-1])), name, float(smooth[-1])))
    below = float(-LABEL_GAP)
    for y, name, loss in sorted(labels):
        below = max(y + 3.5, below + LABEL_GAP)  # labels of near lines do not overlap
        parts.append(f'<text class="{name}" x="{RIGHT + 6}" y="{below:.1f}">{name} {loss:.3f}</text>')
    return "".join([*parts, "</svg>"])


def sigma_rows(lines: Sequence[Line]) -> list[SigmaRow]:
    """Where in sigma the loss is left, over the last steps of a run."""
    end = lines[-max(1, round(END_SHARE * len(lines))) :]
    rows = []
    for name in MODALITIES:
        bins = [line[f"{name}_bins"] for line in end if f"{name}_bins" in line]
        found = [[value for value in values if value is not None] for values in zip(*bins, strict=True)]
        if found:
            rows.append(SigmaRow(name, tuple(float(np.mean(values)) if values else None for values in found)))
    return rows


def moving_mean(values: Values) -> Values:
    """Mean over a window around each value, cut off at the ends."""
    half = int(WINDOW_SHARE * len(values) / 2)
    total = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    first, after = np.maximum(places - half, 0), np.minimum(places + half + 1, len(values))
    return (total[after] - total[first]) / (after - first)


def _ticks(top: float) -> list[float]:
    step = next((step for step in TICK_STEPS if top / step <= 5), top)
    return [step * index for index in range(1, int(top / step) + 1)]


def _mark(name: str, x: float, y: float) -> str:
    if name == "video":
        return f'<circle class="held-out {name}" cx="{x:.1f}" cy="{y:.1f}" r="{MARK:g}"/>'
    return (
        f'<rect class="held-out {name}" x="{x - MARK:.1f}" y="{y - MARK:.1f}" width="{2 * MARK:g}" '
        f'height="{2 * MARK:g}"/>'
    )
