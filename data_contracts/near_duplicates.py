"""What is expected of table `near_duplicates`: stretches inside their files, of two files of one group.

It is part of the contract of `windows`, which stage `cut` waits for; that of `clips` sees that `cut` went by it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from data_contracts.contract import View, missing, rows_of
from data_contracts.expectations import ExpectExactly, ExpectNoFault
from mova_core.curation.near_duplicates import copied_windows

FILE_END_S = 0.5  # a stretch may end a step after the last picture, which may stay longer than its file says
STATED = ("source_id", "group_id", "start_s", "end_s", "kept_source_id", "kept_start_s", "is_copy", "picture_bits")

Row = Mapping[str, Any]


def near_duplicates_view(rows: list[dict[str, Any]], duration_of: Mapping[str, float], places: Row) -> View:
    """The table's rows.

    Args:
        rows: of `near_duplicates`.
        duration_of: seconds of each source that has windows.
        places: source_id -> path.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for name in ("source_id", "kept_source_id"):
            groups[row[name]].add(row["group_id"])
    return View(
        name="near duplicates",
        noun="stretch",
        rows=rows_of(
            (
                {
                    "source_id": row["source_id"],
                    "where": places.get(row["source_id"]),
                    "missing": missing(row, STATED),
                    "stretch_fault": _stretch_fault(row, duration_of),
                    "group_fault": _group_fault(row, groups),
                }
                for row in rows
            ),
            ["source_id", "where", "missing", "stretch_fault", "group_fault"],
        ),
        id_column="source_id",
        expectations=(
            ExpectNoFault.of(
                "missing", "every shared stretch is fully described", "Windows inside it are rejected by it."
            ),
            ExpectNoFault.of(
                "stretch_fault",
                "every shared stretch lies inside two files that have windows",
                "A window is rejected only where another file keeps the same.",
            ),
            ExpectNoFault.of(
                "group_fault", "two files that share a stretch are of one group", "A group has one split (cut.py)."
            ),
        ),
    )


def clips_by_group(clips: Iterable[Row], near_duplicates: Iterable[Row], places: Row) -> View:
    """A row for each group of near duplicates that has clips."""
    group_of = {row[name]: row["group_id"] for row in near_duplicates for name in ("source_id", "kept_source_id")}
    splits_of: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        if group_id := group_of.get(clip["source_id"]):
            splits_of[group_id].add(clip["split"])
    return View(
        name="clips by group of near duplicates",
        noun="group",
        rows=rows_of(
            (
                {"group_id": group_id, "where": places.get(group_id), "group_splits": len(splits)}
                for group_id, splits in splits_of.items()
            ),
            ["group_id", "where", "group_splits"],
        ),
        id_column="group_id",
        expectations=(
            ExpectExactly.once(
                "group_splits",
                "all clips of a group of near duplicates are in one split",
                "Validation would judge what was trained on.",
            ),
        ),
    )


def copy_faults(windows: Iterable[Row], near_duplicates: Iterable[Row], paths: Row) -> dict[str, str]:
    """window_id -> what it copies, of windows that must not become clips."""
    copies = copied_windows(windows, near_duplicates)
    return {window_id: f"a copy of {paths.get(row['kept_source_id'])}" for window_id, row in copies.items()}


def _stretch_fault(row: Row, duration_of: Mapping[str, float]) -> str | None:
    if row["source_id"] == row["kept_source_id"]:
        return "of a file with itself"
    length_s = row["end_s"] - row["start_s"]
    if length_s <= 0:
        return f"{length_s:.3f} s long"
    for name, start_s in (("source_id", row["start_s"]), ("kept_source_id", row["kept_start_s"])):
        if row[name] not in duration_of:
            return f"{row[name]} has no windows"
        if start_s < 0 or start_s + length_s > duration_of[row[name]] + FILE_END_S:
            return f"{start_s:.3f} to {start_s + length_s:.3f} s of {duration_of[row[name]]:.3f} s"
    return None


def _group_fault(row: Row, groups: Mapping[str, set[str]]) -> str | None:
    found = groups[row["source_id"]] | groups[row["kept_source_id"]]
    return None if len(found) == 1 else f"groups {', '.join(sorted(map(str, found)))}"
