"""How a ratio is measured and recorded: subject and baseline in turn, the median of the pairwise ratios, the spread."""

import json
import statistics
import textwrap
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from mova_core.plan.text import rendered

RESULTS = Path(__file__).parent / "results.json"
WIDTH, NAME_WIDTH = 80, 36  # of the table that is printed, and of its first column


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `results.json`."""

    name: str
    value: float
    unit: str
    better: str
    target: float | None
    baseline: str
    repeats: int
    spread: tuple[float, float]
    command: str


def ratio(
    name: str,
    subject: Callable[[], object],
    baseline: Callable[[], object],
    *,
    against: str,
    better: str,
    target: float | None = None,
    repeats: int = 5,
) -> Row:
    """Seconds of `subject` divided by seconds of `baseline`, run in turn after one warm-up of each.

    Args:
        name: of the row; its part before the dot names the benchmark.
        subject: what is measured.
        baseline: what it is measured against.
        against: the baseline in words.
        better: `lower` or `higher`.
        target: what the ratio should reach, where an aim is set.
        repeats: pairs.
    """
    subject()
    baseline()
    pairs = in_turn(subject, baseline, repeats)
    return row(name, [mine / other for mine, other in pairs], against=against, better=better, target=target)


def in_turn(subject: Callable[[], object], baseline: Callable[[], object], repeats: int) -> list[tuple[float, float]]:
    """Seconds of both, run one after the other so many times."""
    return [(_seconds(subject), _seconds(baseline)) for _ in range(repeats)]


def row(
    name: str, values: list[float], *, against: str, better: str, target: float | None = None, unit: str = "ratio"
) -> Row:
    """The median of what was measured, and its spread; arguments as of `ratio`."""
    return Row(
        name=name,
        value=round(statistics.median(values), 3),
        unit=unit,
        better=better,
        target=target,
        baseline=against,
        repeats=len(values),
        spread=(round(min(values), 3), round(max(values), 3)),
        command=f"python -m benchmarks {name.partition('.')[0]}",
    )


def record(rows: list[Row]) -> None:
    """Print the rows, and put them in place of their earlier selves in `results.json`."""
    table = Table("benchmark", "value", "spread", "target")
    for row in rows:
        baseline = textwrap.fill(f"against {row.baseline}", width=NAME_WIDTH)
        target = "" if row.target is None else f"{_target(row)}\n{'missed' if is_missed(row) else 'held'}"
        spread = f"{row.spread[0]:g} to\n{row.spread[1]:g}"
        table.add_row(f"{row.name}\n{baseline}", f"{_got(row)}\n{row.better} is better", spread, target)
        table.add_section()
    print(rendered(table, WIDTH))
    known = {row["name"]: row for row in json.loads(RESULTS.read_text())} if RESULTS.exists() else {}
    known |= {row.name: asdict(row) for row in rows}
    RESULTS.write_text(json.dumps([known[name] for name in sorted(known)], indent=1) + "\n")


def is_missed(row: Row) -> bool:
    """Whether the median is on the wrong side of the row's target."""
    return row.target is not None and (row.value > row.target if row.better == "lower" else row.value < row.target)


def miss(row: Row) -> str:
    """Name, value and target of a row that missed its target."""
    return f"{row.name} is {_got(row)}, its target is {_target(row)}"


def _got(row: Row) -> str:
    return f"{row.value:g}" + ("" if row.unit == "ratio" else f" {row.unit}")


def _target(row: Row) -> str:
    return f"{'≤' if row.better == 'lower' else '≥'} {row.target:g}"


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
