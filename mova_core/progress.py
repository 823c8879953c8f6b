"""Progress that suits where it is shown: a bar on a terminal, an event where events are asked for, else a plain line.

Events (`mova_core.json_events`) and lines (`label 12/25`) come once a second and at the end.
"""

import sys
import time
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from mova_core import json_events
from mova_core.json_events import Progress

if TYPE_CHECKING:  # rich takes time to import
    from rich.console import Console
    from rich.progress import Progress as Bar

EVERY_S = 1.0

T = TypeVar("T")


def track(items: Iterable[T], total: int, label: str) -> Generator[T, None, None]:
    """Yield the items while showing how many have passed; closed early, it shows no more."""
    if sys.stderr.isatty() and not json_events.are_on():
        yield from _bar(items, total, label)
    else:
        yield from _now_and_then(items, total, label)


def new_bar(console: "Console") -> "Bar":
    """A bar with label, count, time so far and time left."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    label, left = TextColumn("{task.description:<12}"), TextColumn("left")
    columns = label, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), left, TimeRemainingColumn()
    return Bar(*columns, console=console)


def _bar(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    from rich.console import Console

    with new_bar(Console(stderr=True)) as bar:
        yield from bar.track(items, total=total, description=label)


def _now_and_then(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    last_shown = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - last_shown >= EVERY_S or done == total:
            show(Progress(label, done, total))
            last_shown = time.monotonic()


def show(progress: Progress, told: str = "") -> None:
    """Show how far something is, as an event, or as a line that ends with what is told."""
    if json_events.are_on():
        json_events.emit(progress)
    else:
        print(f"{progress.label} {progress.done}/{progress.total}{told}", file=sys.stderr, flush=True)
