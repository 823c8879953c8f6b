"""The books of curation: at every stage rows and seconds in = kept + turned away, across all tables at once.

One row a stage. Rules about single rows name what is lost; this one also finds what cancels out there, such as tables
of two different runs side by side. Seconds are those of the tables: files as long as `sources` says, windows from start
to end, clips as long as their frames and as their samples.
"""

from collections.abc import Iterable, Iterator, Mapping, Sized
from math import fsum
from typing import Any

from data_contracts.contract import View, rows_of
from data_contracts.expectations import ExpectNoFault
from data_contracts.rejects import read_rejects
from mova_core.curation.funnel import covered_s
from mova_core.curation.layout import DataFolder
from mova_core.curation.tables import read_table

Row = Mapping[str, Any]
ROUNDING_S = 2e-6  # of each row: starts and ends are rounded to a microsecond
FILE_END_S = 0.1  # of each file: a last picture is shown a little longer than the file says
COLUMNS = ("stage", "where", "rows_fault", "seconds_fault", "cover_fault")


def balance_view(data: DataFolder, verdicts: list[dict[str, Any]]) -> View:
    """A row for each stage from ingest to assess.

    Raises:
        UsageError: a table is missing.
    """
    return View(
        name="balance of the stages",
        noun="stage",
        rows=rows_of((dict.fromkeys(COLUMNS) | row for row in _stages(data, verdicts)), COLUMNS),
        id_column="stage",
        expectations=(
            ExpectNoFault.of(
                "rows_fault",
                "rows in = kept + rejected at every stage",
                "Nothing disappears, and no table is of another run than the one before it.",
            ),
            ExpectNoFault.of(
                "seconds_fault",
                "seconds in = kept + rejected at every stage",
                "A window becomes a clip of its own length, picture and sound alike; durations of all rows add up.",
            ),
            ExpectNoFault.of(
                "cover_fault",
                "no stage keeps more of the footage than the one before it",
                "Windows and speech lie inside their files, clips inside their windows (funnel.py).",
            ),
        ),
    )


def _stages(data: DataFolder, verdicts: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    sources, segments, windows, clips = (
        read_table(data.table(name), name) for name in ("sources", "segments", "windows", "clips")
    )
    rejected = {stage: {row["id"] for row in read_rejects(data, stage)} for stage in ("ingest", "segment", "cut")}
    accepted = [row for row in sources if row["verdict"] == "accepted"]
    window_of = {row["window_id"]: row for row in windows}
    clip_of = {row["clip_id"]: row for row in clips}
    with_windows = {row["source_id"] for row in windows}
    kept = [clip_of[row["clip_id"]] for row in verdicts if row["verdict"] == "accepted" and row["clip_id"] in clip_of]
    away = [clip_of[row["clip_id"]] for row in verdicts if row["verdict"] == "rejected" and row["clip_id"] in clip_of]

    footage_s = _files_s(accepted)
    speech = [
        {"source_id": row["source_id"], "start_s": start_s, "end_s": end_s}
        for row in segments
        for start_s, end_s in row["speech_s"] or ()
    ]
    found_s = max(_cover_s(windows), _cover_s(speech))
    cut_s, kept_s = _cover_s(_windows_of(clips, window_of)), _cover_s(_windows_of(kept, window_of))
    unreadable = [row for row in sources if row["path"] in rejected["ingest"]]
    used = [row for row in accepted if row["source_id"] in with_windows]
    unused = [row for row in accepted if row["source_id"] in rejected["segment"]]
    lost = [row for row in windows if row["window_id"] in rejected["cut"]]
    lengths = _windows_s(windows) - _windows_s(lost)
    yield {
        "stage": "ingest",
        "rows_fault": _rows_fault(sources, accepted, unreadable),
        "seconds_fault": _seconds_fault(_files_s(sources) - footage_s - _files_s(unreadable), len(sources)),
    }
    yield {
        "stage": "segment",
        "rows_fault": _rows_fault(accepted, with_windows, unused),
        "seconds_fault": _seconds_fault(footage_s - _files_s(used) - _files_s(unused), len(accepted)),
        "cover_fault": _cover_fault(found_s, footage_s + FILE_END_S * len(accepted)),
    }
    yield {
        "stage": "cut",
        "rows_fault": _rows_fault(windows, clips, lost),
        "seconds_fault": _seconds_fault(lengths - _seen_s(clips), len(windows))
        or _seconds_fault(lengths - _heard_s(clips), len(windows)),
        "cover_fault": _cover_fault(cut_s, _cover_s(windows)),
    }
    yield {
        "stage": "assess",
        "rows_fault": _rows_fault(clips, kept, away),
        "seconds_fault": _seconds_fault(_seen_s(clips) - _seen_s(kept) - _seen_s(away), len(clips)),
        "cover_fault": _cover_fault(kept_s, cut_s),
    }


def _rows_fault(given: Sized, kept: Sized, away: Sized) -> str | None:
    balanced = len(given) == len(kept) + len(away)
    return None if balanced else f"{len(given)} in, {len(kept)} kept, {len(away)} rejected"


def _seconds_fault(lost_s: float, rows: int) -> str | None:
    return f"{lost_s:+.6f} s" if abs(lost_s) > ROUNDING_S * max(1, rows) else None


def _cover_fault(kept_s: float, given_s: float) -> str | None:
    return f"{kept_s:.3f} s of {given_s:.3f} s" if kept_s > given_s + ROUNDING_S else None


def _files_s(files: Iterable[Row]) -> float:
    return fsum(row["duration_s"] or 0.0 for row in files)


def _windows_s(windows: Iterable[Row]) -> float:
    return fsum(row["end_s"] - row["start_s"] for row in _placed(windows))


def _seen_s(clips: Iterable[Row]) -> float:
    return fsum(row["frames"] / row["fps"] for row in clips if row["frames"] and row["fps"])


def _heard_s(clips: Iterable[Row]) -> float:
    return fsum(row["audio_samples"] / row["audio_rate_hz"] for row in clips if row["audio_samples"])


def _cover_s(pieces: Iterable[Row]) -> float:
    return covered_s(_placed(pieces))


def _placed(pieces: Iterable[Row]) -> list[Row]:
    return [row for row in pieces if row["start_s"] is not None and row["end_s"] is not None]


def _windows_of(clips: Iterable[Row], window_of: Mapping[str, Row]) -> list[Row]:
    return [window_of[row["window_id"]] for row in clips if row["window_id"] in window_of]
