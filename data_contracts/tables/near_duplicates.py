"""What is expected of table `near_duplicates`: intervals inside their files, of two files of one group.

It is part of the contract of `windows`, which stage `cut` waits for; that of `clips` sees that `cut` went by it.
"""

from collections import defaultdict

import numpy as np
import pandas as pd

from data_contracts.columns import Columns, Mask, Row, Tables, is_among, is_word, looked_up
from data_contracts.contract import View
from data_contracts.expectations import ExpectExactly, ExpectNoFault
from data_contracts.report.places import at_source
from data_contracts.rules.column_rules import column_rules
from mova_core.curation.dedup.duplicates import copied_windows
from mova_core.curation.tables import TABLES

FILE_END_S = 0.5  # an interval may end a step after the last frame, which may stay longer than its file says
COLUMNS = TABLES["near_duplicates"]


def near_duplicates_view(tables: Tables) -> View:
    """The table's rows.

    Raises:
        UsageError: the table, or that of sources or windows, is missing.
    """
    intervals, sources = tables["near_duplicates"], tables.accepted.frame
    frame = intervals.frame
    has_windows = is_among(sources["source_id"], tables["windows"].frame["source_id"])
    with_windows = sources[has_windows | is_word(sources["kind"], "audio")]
    own_s, kept_s = (
        looked_up(frame[name], with_windows["source_id"], with_windows["duration_s"])
        for name in ("source_id", "kept_source_id")
    )
    groups: dict[str, set[str]] = defaultdict(set)
    for name in ("source_id", "kept_source_id"):
        for source_id, group_id in zip(frame[name], frame["group_id"], strict=True):
            groups[source_id].add(group_id)

    def group_fault(row: Row) -> str | None:
        found = groups[row["source_id"]] | groups[row["kept_source_id"]]
        return None if len(found) == 1 else f"groups {', '.join(sorted(map(str, found)))}"

    everything: Mask = np.ones(len(frame), np.bool_)
    return View(
        name="near duplicates",
        noun="interval",
        rows=frame.assign(
            missing=intervals.missing(COLUMNS.stated("always")),
            interval_fault=intervals.faults(everything, _interval_fault, own_s, kept_s),
            group_fault=intervals.faults(everything, group_fault),
        ),
        id_column="source_id",
        where=at_source(tables),
        expectations=(
            *column_rules(COLUMNS.columns, "shared interval"),
            ExpectNoFault.of(
                "missing", "every shared interval is fully described", "Windows inside it are rejected by it."
            ),
            ExpectNoFault.of(
                "interval_fault",
                "every shared interval lies inside two files that have windows or are of audio alone",
                "A window is rejected only where another file keeps the same.",
            ),
            ExpectNoFault.of(
                "group_fault", "two files that share an interval are of one group", "A group has one split (cut.py)."
            ),
        ),
    )


def clips_by_group(clips: Columns, tables: Tables) -> View:
    """A row for each group of near duplicates that has clips."""
    shared = tables["near_duplicates"].frame
    members = pd.concat(
        [
            shared[[name, "group_id"]].set_axis(["source_id", "group_id"], axis=1)
            for name in ("source_id", "kept_source_id")
        ]
    )
    pairs = pd.DataFrame(
        {
            "group_id": looked_up(clips.frame["source_id"], members["source_id"], members["group_id"]),
            "split": clips.frame["split"],
        }
    ).drop_duplicates()
    splits = pairs.dropna(subset="group_id").groupby("group_id", sort=False).size()
    return View(
        name="clips by group of near duplicates",
        noun="group",
        rows=splits.rename("group_splits").rename_axis("group_id").reset_index(),
        id_column="group_id",
        where=at_source(tables, "group_id"),
        expectations=(
            ExpectExactly.once(
                "group_splits",
                "all clips of a group of near duplicates are in one split",
                "Validation would judge what was trained on.",
            ),
        ),
    )


def copy_faults(clips: Columns, tables: Tables) -> pd.Series:
    """What each clip's window copies, null if nothing: such a window must not become a clip."""
    shared, sources = tables["near_duplicates"], tables.accepted.frame
    windows = tables["windows"].where(is_among(tables["windows"].frame["source_id"], shared.frame["source_id"]))
    copies = copied_windows(windows.table.to_pylist(), shared.table.to_pylist())
    path_of = dict(zip(sources["source_id"], sources["path"], strict=True))
    suspects = is_among(clips.frame["window_id"], pd.Series(list(copies), dtype=object))
    return clips.faults(suspects, lambda row: f"a copy of {path_of.get(copies[row['window_id']]['kept_source_id'])}")


def _interval_fault(row: Row, own_s: float | None, kept_s: float | None) -> str | None:
    if row["source_id"] == row["kept_source_id"]:
        return "of a file with itself"
    if None in (row["start_s"], row["end_s"], row["kept_start_s"]):
        return None  # another rule tells of it
    length_s = row["end_s"] - row["start_s"]
    if length_s <= 0:
        return f"{length_s:.3f} s long"
    for name, start_s, file_s in (
        ("source_id", row["start_s"], own_s),
        ("kept_source_id", row["kept_start_s"], kept_s),
    ):
        if file_s is None:
            return f"{row[name]} has no windows, and video"
        if start_s < 0 or start_s + length_s > file_s + FILE_END_S:
            return f"{start_s:.3f} to {start_s + length_s:.3f} s of {file_s:.3f} s"
    return None
