"""How a training is shown while it goes: a table under a bar on a terminal, events where they are asked for, or lines.

It takes progress events, so that the command that has started several processes shows what the first one says.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from types import TracebackType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import TaskID
from rich.table import Table

from mova_core import json_events
from mova_core.json_events import Progress
from mova_core.plan.text import si
from mova_core.progress import EVERY_S, new_bar, show
from mova_core.training.curves import SIGMA_BINS
from mova_core.training.monitor.figures import Figures

REDRAWN_EVERY_S = 0.1  # on a terminal
UNAVAILABLE = "unavailable"


class Display(AbstractContextManager["Display"]):
    """Shows one training on stderr, at most so often that it costs nothing.

    Args:
        console: instead of one on stderr.
        clock: in seconds.
    """

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        console = console or Console(stderr=True)
        self._panel = _Panel(console) if console.is_terminal and not json_events.are_on() else None
        self._every_s = REDRAWN_EVERY_S if self._panel else EVERY_S
        self._clock, self._shown = clock, clock()
        self._figures: Mapping[str, Any] = {}

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._panel:
            self._panel.close()

    def show(self, progress: Progress) -> None:
        """Take how far it is; it is shown when it is time for it, and at the last step."""
        self._figures = progress.figures or self._figures
        if progress.done < progress.total and self._clock() - self._shown < self._every_s:
            return
        self._shown, latest = self._clock(), Progress(progress.label, progress.done, progress.total, self._figures)
        if self._panel:
            self._panel.show(latest)
        else:
            show(latest, f": {sentence(Figures(**latest.figures))}" if latest.figures else "")


class _Panel:
    """A bar, and the figures under it."""

    def __init__(self, console: Console) -> None:
        self._bar = new_bar(console)
        self._task: TaskID | None = None
        self._live = Live(self._bar, console=console, refresh_per_second=1 / REDRAWN_EVERY_S)

    def show(self, progress: Progress) -> None:
        if self._task is None:
            self._task = self._bar.add_task(progress.label, total=progress.total, completed=progress.done)
            self._live.start()
        self._bar.update(self._task, completed=progress.done)
        if progress.figures:
            self._live.update(Group(self._bar, *tables(Figures(**progress.figures))))

    def close(self) -> None:
        self._live.stop()


def tables(figures: Figures) -> list[RenderableType]:
    """Figures for a terminal of 80 columns or more."""
    numbers = Table.grid(padding=(0, 2))
    values = list(_values(figures).items())
    for start in range(0, len(values), 3):
        cells = [cell for name, value in values[start : start + 3] for cell in (f"[dim]{name}[/]", value)]
        numbers.add_row(*cells)
    sigma = Table.grid(padding=(0, 1))
    sigma.add_row("[dim]loss at sigma[/]", *(f"[dim]{tenth / SIGMA_BINS:.1f} +[/]" for tenth in range(SIGMA_BINS)))
    for name, losses in figures.by_sigma.items():
        sigma.add_row(f"[dim]{name}[/]", *("–" if loss is None else f"{loss:.3f}" for loss in losses))
    return [numbers, sigma]


def sentence(figures: Figures) -> str:
    """Figures but for the losses by sigma, in a line."""
    return ", ".join(f"{name} {value}" for name, value in _values(figures).items())


def _values(figures: Figures) -> dict[str, str]:
    speed = {f"{name} tokens/s": si(rate, "").strip() for name, rate in figures.tokens_per_s.items()}
    return {
        "loss": _number(figures.loss),
        **({name: _number(loss) for name, loss in figures.modalities.items()} if len(figures.modalities) > 1 else {}),
        "gradient norm": _number(figures.grad_norm),
        "learning rate": f"{figures.lr:.2e}",
        **speed,
        "MFU": UNAVAILABLE if figures.mfu is None else f"{figures.mfu:.1%}",
        "data wait": f"{figures.data_wait:.1%}",
        "memory": si(figures.memory_bytes, "B"),
        "step": f"{1000 * figures.step_s:,.0f} ms",
        "left": str(timedelta(seconds=round(figures.left_s))),
        **({"skipped": str(figures.skipped)} if figures.skipped else {}),
    }


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
