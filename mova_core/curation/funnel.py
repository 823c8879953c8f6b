"""How much footage each stage of curation kept, and why it let the rest go.

Seconds are of footage, counted once however many windows overlap it, so a step can never exceed the one before.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from mova_core.curation.tables import read_table
from mova_core.places import DataFolder


@dataclass(frozen=True, slots=True)
class Loss:
    """Rows turned away for one reason, or intervals of rows that were kept.

    Args:
        reason_code: the reason, in one word.
        rows: how many rows.
        examples: sentences.
        seconds: of footage; None where no file told any.
        intervals: how many intervals, where they are such.
    """

    reason_code: str
    rows: int
    examples: tuple[str, ...]
    seconds: float | None = None
    intervals: int = 0

    @property
    def amount(self) -> str:
        """How much that is."""
        return f"{self.intervals} intervals" if self.intervals else str(self.rows)


@dataclass(frozen=True, slots=True)
class Step:
    """One stage: rows in = rows kept + rows lost."""

    stage: str
    unit: str
    rows_in: int
    rows_kept: int
    seconds_kept: float
    losses: tuple[Loss, ...] = field(default=())


def curation_funnel(data: DataFolder) -> list[Step]:
    """Steps from the footage to accepted clips, in order.

    Raises:
        UsageError: a table is missing.
    """
    sources = read_table(data.table("sources"), "sources")
    windows = read_table(data.table("windows"), "windows")
    clips = read_table(data.table("clips"), "clips")
    verdicts = read_table(data.table("verdicts"), "verdicts")
    hidden = _hidden(data)
    readable = [row for row in sources if row["verdict"] == "accepted"]
    with_windows = {row["source_id"] for row in windows}
    window_of = {row["window_id"]: row for row in windows}
    window_of_clip = {row["clip_id"]: window_of[row["window_id"]] for row in clips}
    accepted = [row["clip_id"] for row in verdicts if row["verdict"] == "accepted"]
    file_s = {row["path"]: row["duration_s"] for row in sources} | {
        row["source_id"]: row["duration_s"] for row in readable
    }

    def of_files(names: list[str]) -> float | None:
        known = [length for name in names if (length := file_s.get(name)) is not None]
        return sum(known) if known else None

    def of_windows(names: list[str]) -> float:
        return covered_s(window_of[name] for name in names)

    def of_clips(names: list[str]) -> float:
        return covered_s(window_of_clip[name] for name in names)

    return [
        Step("footage", "files", len(sources) + len(hidden), len(sources), _seconds(sources), _skipped(hidden)),
        Step("ingest", "files", len(sources), len(readable), _seconds(readable), _losses(data, "ingest", of_files)),
        Step(
            "segment", "files", len(readable), len(with_windows), covered_s(windows), _losses(data, "segment", of_files)
        ),
        Step(
            "cut",
            "windows",
            len(windows),
            len(clips),
            covered_s(window_of_clip.values()),
            _losses(data, "cut", of_windows),
        ),
        Step(
            "assess",
            "clips",
            len(clips),
            len(accepted),
            covered_s(window_of_clip[clip_id] for clip_id in accepted),
            _losses(data, "assess", of_clips),
        ),
    ]


def funnel_metrics(steps: Iterable[Step]) -> dict[str, Any]:
    """The funnel as plain numbers for `dvc metrics show`."""
    steps = list(steps)
    start_s = steps[0].seconds_kept
    return {
        step.stage: {
            "kept": step.rows_kept,
            "of": step.rows_in,
            "unit": step.unit,
            "footage_s": round(step.seconds_kept, 3),
            "share_of_footage": round(step.seconds_kept / start_s, 4) if start_s else None,
            "rejected": {loss.reason_code: loss.rows for loss in step.losses if loss.rows},
            "intervals_s": {loss.reason_code: round(loss.seconds or 0, 3) for loss in step.losses if loss.intervals},
        }
        for step in steps
    }


def covered_s(windows: Iterable[Mapping[str, Any]]) -> float:
    """Seconds of footage that lie in at least one of the windows."""
    by_source: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for window in windows:
        by_source[window["source_id"]].append((window["start_s"], window["end_s"]))
    total = 0.0
    for spans in by_source.values():
        reached = float("-inf")
        for start, end in sorted(spans):
            total += max(0.0, end - max(start, reached))
            reached = max(reached, end)
    return total


def _seconds(sources: Iterable[Mapping[str, Any]]) -> float:
    return sum(row["duration_s"] or 0.0 for row in sources)


def _hidden(data: DataFolder) -> list[str]:
    """Files and folders whose name begins with a dot; tables of an earlier version do not tell."""
    try:
        names: list[str] = json.loads(data.hidden.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return names


def _skipped(hidden: list[str]) -> tuple[Loss, ...]:
    examples = tuple(f"{name}: a name that begins with a dot" for name in hidden[:5])
    return (Loss("hidden", len(hidden), examples),) if hidden else ()


def _losses(data: DataFolder, stage: str, seconds_of: Callable[[list[str]], float | None]) -> tuple[Loss, ...]:
    rows = sorted(_rejects(data, stage), key=lambda row: (row["start_s"] is not None, row["reason_code"], row["id"]))
    losses = []
    for (is_interval, code), group in groupby(rows, key=lambda row: (row["start_s"] is not None, row["reason_code"])):
        members = list(group)
        examples = tuple(dict.fromkeys(row["reason"] for row in members))[:5]
        if is_interval:
            losses.append(Loss(code, 0, examples, sum(row["end_s"] - row["start_s"] for row in members), len(members)))
        else:
            losses.append(Loss(code, len(members), examples, seconds_of([row["id"] for row in members])))
    return tuple(sorted(losses, key=lambda loss: (-loss.rows, loss.reason_code)))


def _rejects(data: DataFolder, stage: str) -> list[dict[str, Any]]:
    together = data.table("rejects")  # `mova curate` puts all stages into one table
    if together.exists():
        return [row for row in read_table(together, "rejects") if row["stage"] == stage]
    return read_table(data.rejects(stage), "rejects")
