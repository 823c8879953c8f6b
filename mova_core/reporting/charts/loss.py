"""Loss while training, a chart a phase, and the loss per tenth of sigma at its end.

A line a modality: faint as each step was, strong as a moving mean, marks where validation clips were measured with the
averaged weights. At most `POINTS` points a line, so the page stays light however long a run was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mova_core.reporting.charts.style import CARD, KEEP, LOSE, css_class, new_figure, styled, to_svg, tooltip

COLOURS, MARKS = {"video": KEEP, "audio": LOSE}, {"video": "o", "audio": "s"}
POINTS = 200
WINDOW_SHARE = 0.05  # of the steps, of the moving mean
END_SHARE = 0.1  # of the steps, that count as the end

Record = Mapping[str, Any]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SigmaRow:
    """Mean loss of one modality at the end of a run per tenth of sigma, None where no sample fell."""

    modality: str
    losses: tuple[float | None, ...]

    @property
    def cells(self) -> list[tuple[str, str]]:
        """Each loss, and its share of the row's highest, 0..1, as the page prints them."""
        highest = max((loss for loss in self.losses if loss is not None), default=0.0) or 1.0
        return [("–", "0") if loss is None else (f"{loss:.2f}", f"{loss / highest:.2f}") for loss in self.losses]


def loss_chart(records: Sequence[Record]) -> str:
    """The curves of one run; `records` as `read_curves` gives them, at least one."""
    curves = {
        name: np.array([record[name] for record in records], np.float64) for name in COLOURS if name in records[0]
    }
    shown = np.unique(np.linspace(0, len(records) - 1, POINTS).round().astype(int))
    with styled():
        figure = new_figure(360, 200)
        axes = figure.add_subplot(xlabel="step", ylabel="loss")
        axes.set(xlim=(0, max(len(records), 1)), ylim=(0, 1.02 * max(map(np.max, curves.values())) or 1.0))
        axes.grid(axis="y")
        for name, values in curves.items():
            smooth, colour = moving_mean(values), COLOURS[name]
            (raw,) = axes.plot(shown, values[shown], color=colour, alpha=0.3, linewidth=1)
            (mean,) = axes.plot(shown, smooth[shown], color=colour, linewidth=2, label=f"{name} {smooth[-1]:.3f}")
            css_class(raw, f"raw {name}")
            css_class(mean, f"mean {name}")
            for record in records:
                if (loss := (record.get("validation") or {}).get(name)) is not None:
                    (mark,) = axes.plot(record["step"], loss, MARKS[name], mec=colour, mfc=CARD, ms=5, clip_on=False)
                    tooltip(mark, f"validation {name} {loss:.3f} at step {record['step']}")
        axes.legend(labelcolor="linecolor", loc="upper right", handlelength=1)
    return to_svg(figure, f"loss by step: {', '.join(curves)}", classes="loss")


def sigma_rows(records: Sequence[Record]) -> list[SigmaRow]:
    """Where in sigma the loss is left, over the last steps of a run."""
    end = records[-max(1, round(END_SHARE * len(records))) :]
    rows = []
    for name in COLOURS:
        bins = [record[f"{name}_bins"] for record in end if f"{name}_bins" in record]
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
