"""Contract of `windows`: intervals of accepted files, each exactly one clip long and inside its file.

Every accepted file either has windows or is among the rejects of `segment`, and so is every interval of a file with
windows that lies in none.
"""

from bisect import bisect_right
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from data_contracts.columns import Columns, Row, Tables, counted, is_among, is_word, looked_up
from data_contracts.contract import Contract, View
from data_contracts.expectations import (
    Expectation,
    ExpectExactly,
    ExpectForm,
    ExpectNoFault,
    ExpectPossible,
    ExpectRows,
    ExpectShare,
    ExpectUnique,
)
from data_contracts.report.places import at_source, at_window
from data_contracts.rules.column_rules import column_rules
from data_contracts.rules.coverage import covered_s
from data_contracts.rules.rejects import of_whole_rows, read_rejects, rejects_file, rejects_view
from data_contracts.rules.segment_times import SegmentTimes
from data_contracts.tables.near_duplicates import near_duplicates_view
from mova_core.curation.tables import TABLES, WINDOW_KINDS
from mova_core.geometry import ClipGeometry
from mova_core.params import Params
from mova_core.places import DataFolder

ROUNDING_S = 2e-6  # starts and ends are rounded to a microsecond
SPEECH_END_S = 0.2  # Silero's times are good to about this (speech.py)
TOUCH_S = 1e-3  # speech this near a window's edge is at its edge (windows.py)
FILE_END_S = 0.1  # a last frame is shown a little longer than the file says


def windows(data: DataFolder, params: Params) -> Contract:
    """The contract over the table, segments and near duplicates beside it, and the rejects of `segment`.

    Raises:
        UsageError: one of them, or the table of sources, is missing.
    """
    tables = Tables(data)
    windows, segments, sources = tables["windows"], tables["segments"], tables.accepted.frame
    rejects = read_rejects(data, "segment")
    view = View(
        name="windows",
        noun="window",
        rows=_rows(windows, segments, sources, 0.5 / params.clip_geometry.fps),
        id_column="window_id",
        where=at_window(tables),
        expectations=tuple(_rules(params.clip_geometry)),
    )
    return Contract(
        table="windows",
        views=(
            view,
            _by_source(windows.frame, segments, rejects, tables),
            _segments(segments, tables),
            near_duplicates_view(tables),
            rejects_view(rejects, "sources", "segment", sources["source_id"], at_source(tables, "id")),
        ),
        files={
            "windows": data.table("windows"),
            "segments": data.table("segments"),
            "near_duplicates": data.table("near_duplicates"),
            "rejects/segment": rejects_file(data, "segment"),
        },
    )


def _rows(windows: Columns, segments: Columns, sources: pd.DataFrame, half_frame_s: float) -> pd.DataFrame:
    frame, found = windows.frame, SegmentTimes(segments)
    is_source = is_among(frame["source_id"], sources["source_id"])
    beyond_s = frame["end_s"] - looked_up(frame["source_id"], sources["source_id"], sources["duration_s"])
    suspects = found.may_belie(frame, half_frame_s, TOUCH_S)
    wanted = np.unique(found.rows_of(frame["source_id"][suspects]))
    segment_of = {row["source_id"]: row for row in segments.table.take(pa.array(wanted)).to_pylist()}
    return frame.assign(
        missing=windows.missing(TABLES["windows"].stated("always")),
        length_s=frame["end_s"] - frame["start_s"],
        source_fault=windows.faults(~is_source, lambda _: "not an accepted file"),
        end_fault=windows.faults(beyond_s > FILE_END_S, lambda _, late_s: f"{late_s:.3f} s after the end", beyond_s),
        kind_fault=windows.faults(suspects, lambda row: _kind_fault(row, segment_of[row["source_id"]], half_frame_s)),
    )


def _kind_fault(row: Row, found: Row, half_frame_s: float) -> str | None:
    """What the segments of its file say against a window's kind; another rule tells of a kind that is none.

    A clip's frames are looked up in the middle of their time, so a cut within half a frame of its edges is in none.
    """
    if row["kind"] not in WINDOW_KINDS:
        return None
    start_s, end_s = row["start_s"], row["end_s"]
    scenes, _, speech = row["kind"].rpartition("_")
    cuts = found["cuts_s"] or []
    first_s, last_s = start_s + half_frame_s, end_s - half_frame_s
    after = bisect_right(cuts, first_s + ROUNDING_S)
    if scenes == "single_scene" and after < len(cuts) and cuts[after] < last_s - ROUNDING_S:
        return f"a cut at {cuts[after]:.3f} s"
    near = cuts[max(0, after - 2) : after + 2]
    if scenes == "multi_scene" and not any(first_s - ROUNDING_S < cut < last_s + ROUNDING_S for cut in near):
        return "no cut"
    if found["speech_s"] is None:
        return None
    speech_s = sum(max(0.0, min(end, end_s) - max(start, start_s)) for start, end in found["speech_s"])
    if speech == "nonspeech" and speech_s > TOUCH_S:
        return f"{speech_s:.3f} s of speech"
    return "no speech" if speech == "speech" and speech_s <= 0 else None


def _segments(segments: Columns, tables: Tables) -> View:
    sources = tables.accepted.frame
    duration_s = looked_up(segments.frame["source_id"], sources["source_id"], sources["duration_s"])
    found = SegmentTimes(segments)
    suspects = found.disordered | found.outside(duration_s)
    rows = segments.frame.assign(
        missing=segments.missing(TABLES["segments"].stated("always")),
        cuts_fault=segments.faults(suspects, lambda row, end_s: _cuts_fault(row["cuts_s"], end_s), duration_s),
        speech_fault=segments.faults(suspects, lambda row, end_s: _speech_fault(row["speech_s"], end_s), duration_s),
    )
    return View(
        name="segments",
        noun="file",
        rows=rows,
        id_column="source_id",
        where=at_source(tables),
        expectations=(
            ExpectNoFault.of("missing", "segments are fully described for every file", "Clips are cropped by them."),
            *column_rules(TABLES["segments"].columns, "file"),
            ExpectNoFault.of("cuts_fault", "cuts rise inside every file", "Scenes lie between one cut and the next."),
            ExpectNoFault.of(
                "speech_fault",
                "speech lies inside every file, no interval inside another",
                "Speech lasts no longer than its file; shares of it are summed (measures/audio.py).",
            ),
        ),
    )


def _cuts_fault(cuts_s: list[float] | None, duration_s: float | None) -> str | None:
    cuts = cuts_s or []
    if any(later <= earlier for earlier, later in pairwise(cuts)):
        return "not rising"
    outside = [cut for cut in cuts if cut < 0 or (duration_s is not None and cut > duration_s + FILE_END_S)]
    return f"a cut at {outside[0]:.3f} s of {duration_s} s" if outside else None


def _speech_fault(speech_s: list[list[float]] | None, duration_s: float | None) -> str | None:
    reached_s = 0.0
    for start_s, end_s in speech_s or []:
        if start_s < reached_s - TOUCH_S or end_s < start_s:
            return f"[{start_s:.3f}, {end_s:.3f}] s after {reached_s:.3f} s"
        reached_s = end_s
    if duration_s is not None and reached_s > duration_s + SPEECH_END_S:
        return f"speech until {reached_s:.3f} s of {duration_s:.3f} s"
    return None


def _rules(geometry: ClipGeometry) -> list[Expectation]:
    exact = f"A clip is {geometry.frames} frames at {geometry.fps} a second, no more and no less (geometry.py)."
    return [
        ExpectRows.of("window", "Without one there is nothing to cut."),
        ExpectNoFault.of("missing", "every window is fully described", exact),
        ExpectUnique.of("window_id", "window", "Clips and rejects name their window."),
        ExpectForm.hexadecimal("window_id", 16, "window", "It is the start of a sha256 of file, kind and start."),
        ExpectNoFault.of(
            "source_fault", "every window lies in an accepted file", "A rejected file is not decoded again."
        ),
        *column_rules(TABLES["windows"].columns, "window"),
        ExpectPossible.of(
            "length_s", geometry.duration_s - ROUNDING_S, geometry.duration_s + ROUNDING_S, "window", exact
        ),
        ExpectNoFault.of(
            "kind_fault",
            "cuts and speech of its file bear out the kind of every window",
            "Phases and captions go by the kind; a window of other segments was found by other params.",
        ),
        ExpectNoFault.of("end_fault", "every window ends before its file does", "Video and audio must fill the clip."),
    ]


def _by_source(windows: pd.DataFrame, segments: Columns, rejects: Columns, tables: Tables) -> View:
    sources = tables.accepted.frame
    source_ids = sources["source_id"]
    has_windows = is_among(source_ids, windows["source_id"])
    fate = "Nothing disappears: a file without windows is a reject with its reason."
    rows = pd.DataFrame(
        {
            "source_id": source_ids,
            "outcomes": has_windows + counted(source_ids, of_whole_rows(rejects).frame["id"]),
            "footage_fault": _footage_faults(sources, windows, rejects.frame).where(has_windows),
            "segments": np.where(has_windows, counted(source_ids, segments.frame["source_id"]), np.nan),
            "kept": np.where(is_word(sources["kind"], "audio"), np.nan, has_windows),
        }
    )
    return View(
        name="windows by file",
        noun="file",
        rows=rows,
        id_column="source_id",
        where=at_source(tables),
        expectations=(
            ExpectExactly.once("outcomes", "every accepted file has windows or is rejected, not both", fate),
            ExpectNoFault.of(
                "footage_fault",
                "every second of a file with windows is in a window or in one rejected interval, not in both",
                fate,
            ),
            ExpectExactly.once(
                "segments",
                "every file with windows has one row of segments",
                "It is cropped by what segments say.",
            ),
            ExpectShare.of(
                "kept",
                0.5,
                "at least half of the accepted files with video have windows",
                "Less tells of wrong params segment rather than of short files.",
            ),
        ),
    )


def _footage_faults(sources: pd.DataFrame, windows: pd.DataFrame, rejects: pd.DataFrame) -> pd.Series:
    """What is wrong with how windows and rejected intervals fill each file, or null."""

    def by_file(seconds: pd.Series) -> NDArray[np.float64]:
        return seconds.reindex(source_ids).fillna(0).to_numpy()

    source_ids, times = sources["source_id"], ["source_id", "start_s", "end_s"]
    intervals = rejects.rename(columns={"id": "source_id"})[times].dropna()
    pieces = pd.concat([windows[times], intervals], ignore_index=True)
    pieces["end_s"] = pieces["end_s"].clip(upper=looked_up(pieces["source_id"], source_ids, sources["duration_s"]))
    lengths_s = (intervals["end_s"] - intervals["start_s"]).groupby(intervals["source_id"]).sum()
    filled_s = by_file(covered_s(pieces))
    twice_s = by_file(covered_s(pieces[: len(windows)])) + by_file(lengths_s) - filled_s
    rounding_s = ROUNDING_S * (1 + counted(source_ids, pieces["source_id"]))
    faults = map(_footage_fault, sources["duration_s"] - filled_s, twice_s, rounding_s)
    return pd.Series(list(faults), dtype=object)


def _footage_fault(missing_s: float, twice_s: float, rounding_s: float) -> str | None:
    if missing_s > rounding_s:
        return f"{missing_s:.3f} s in neither"
    return f"{twice_s:.3f} s in both" if twice_s > rounding_s else None
