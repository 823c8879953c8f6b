"""Progress that suits where it is shown: a bar on a terminal, a plain `label 12/25` line a second elsewhere.

The plain line is also what a flow reads to move its progress artifact (see `flows/run/stage_tasks.py`).
"""

import re
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

PLAIN_LINE = re.compile(r"^(?P<label>[\w@./-]+) (?P<done>\d+)/(?P<total>\d+)$")

T = TypeVar("T")


def track(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    """Yield the items while showing on stderr how many have passed."""
    if sys.stderr.isatty():
        yield from _bar(items, total, label)
    else:
        yield from _lines(items, total, label)


def _bar(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(items, total=total, description=label)


def _lines(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    last_shown = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - last_shown >= 1 or done == total:
            print(f"{label} {done}/{total}", file=sys.stderr, flush=True)
            last_shown = time.monotonic()
