"""The books of curation: at every stage rows and seconds in = kept + turned away, across all tables at once.

One row a stage. Rules about single rows name what is lost; this one also finds what cancels out there, such as tables
of two different runs side by side. Seconds are those of the tables: files as long as `sources` says, windows from start
to end, clips as long as their frames and as their samples.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from data_contracts.columns import Columns, Tables, counted, is_among, is_word, looked_up
from data_contracts.contract import View, rows_of, where_stated
from data_contracts.expectations import ExpectExactly, ExpectNoFault
from data_contracts.report.places import at_clip
from data_contracts.rules.coverage import covered_s
from data_contracts.rules.rejects import of_whole_rows, read_rejects
from mova_core.places import DataFolder

Row = dict[str, str | None]
ROUNDING_S = 2e-6  # of each row: starts and ends are rounded to a microsecond
FILE_END_S = 0.1  # of each file: a last frame is shown a little longer than the file says
COLUMNS = ("stage", "where", "rows_fault", "seconds_fault", "cover_fault")


def balance_view(data: DataFolder, tables: Tables) -> View:
    """A row for each stage from ingest to assess.

    Raises:
        UsageError: a table is missing.
    """
    return View(
        name="balance of the stages",
        noun="stage",
        rows=rows_of((dict.fromkeys(COLUMNS) | row for row in _stages(data, tables)), COLUMNS),
        id_column="stage",
        where=where_stated,
        expectations=(
            ExpectNoFault.of(
                "rows_fault",
                "rows in = kept + rejected at every stage",
                "Nothing disappears, and no table is of another run than the one before it.",
            ),
            ExpectNoFault.of(
                "seconds_fault",
                "seconds in = kept + rejected at every stage",
                "A window becomes a clip of its own length, video and audio alike; durations of all rows add up.",
            ),
            ExpectNoFault.of(
                "cover_fault",
                "no stage keeps more of the footage than the one before it",
                "Windows and speech lie inside their files, clips inside their windows (funnel.py).",
            ),
        ),
    )


def once_a_clip(
    table: str, clips: pd.DataFrame, id_column: str, found: pd.Series, tables: Tables, sentence: str, because: str
) -> View:
    """A row for each clip that a table must have once: `found` are its ids there."""
    rows = clips.assign(outcomes=counted(clips[id_column], found))
    once = ExpectExactly.once("outcomes", sentence, because)
    return View(f"{table} by clip", "clip", rows, id_column, at_clip(tables), (once,))


def _stages(data: DataFolder, tables: Tables) -> Iterator[Row]:
    sources, windows, clips = (tables[name].frame for name in ("sources", "windows", "clips"))
    rejected = {stage: of_whole_rows(read_rejects(data, stage)).frame["id"] for stage in ("ingest", "segment", "cut")}
    accepted = tables.accepted.frame
    kept, away = (_clips_judged(clips, tables["verdicts"].frame, word) for word in ("accepted", "rejected"))

    footage_s = _files_s(accepted)
    found_s = max(_cover_s(windows), _cover_s(_speech(tables["segments"])))
    cut_s, kept_s = (_cover_s(_windows_of(some, windows)) for some in (clips, kept))
    with_windows = windows["source_id"].drop_duplicates()
    unreadable = sources[is_among(sources["path"], rejected["ingest"])]
    used = accepted[is_among(accepted["source_id"], with_windows)]
    unused = accepted[is_among(accepted["source_id"], rejected["segment"])]
    lost = windows[is_among(windows["window_id"], rejected["cut"])]
    lengths_s = _windows_s(windows) - _windows_s(lost)
    yield {
        "stage": "ingest",
        "rows_fault": _rows_fault(len(sources), len(accepted), len(unreadable)),
        "seconds_fault": _seconds_fault(_files_s(sources) - footage_s - _files_s(unreadable), len(sources)),
    }
    yield {
        "stage": "segment",
        "rows_fault": _rows_fault(len(accepted), len(with_windows), len(unused)),
        "seconds_fault": _seconds_fault(footage_s - _files_s(used) - _files_s(unused), len(accepted)),
        "cover_fault": _cover_fault(found_s, footage_s + FILE_END_S * len(accepted)),
    }
    yield {
        "stage": "cut",
        "rows_fault": _rows_fault(len(windows), len(clips), len(lost)),
        "seconds_fault": _seconds_fault(lengths_s - _video_s(clips), len(windows))
        or _seconds_fault(lengths_s - _audio_s(clips), len(windows)),
        "cover_fault": _cover_fault(cut_s, _cover_s(windows)),
    }
    yield {
        "stage": "assess",
        "rows_fault": _rows_fault(len(clips), len(kept), len(away)),
        "seconds_fault": _seconds_fault(_video_s(clips) - _video_s(kept) - _video_s(away), len(clips)),
        "cover_fault": _cover_fault(kept_s, cut_s),
    }


def _rows_fault(given: int, kept: int, away: int) -> str | None:
    return None if given == kept + away else f"{given} in, {kept} kept, {away} rejected"


def _seconds_fault(lost_s: float, rows: int) -> str | None:
    return f"{lost_s:+.6f} s" if abs(lost_s) > ROUNDING_S * max(1, rows) else None


def _cover_fault(kept_s: float, given_s: float) -> str | None:
    return f"{kept_s:.3f} s of {given_s:.3f} s" if kept_s > given_s + ROUNDING_S else None


def _files_s(files: pd.DataFrame) -> float:
    return float(files["duration_s"].sum())


def _windows_s(windows: pd.DataFrame) -> float:
    return float((windows["end_s"] - windows["start_s"]).sum())


def _video_s(clips: pd.DataFrame) -> float:
    return _ratio_s(clips["frames"], clips["fps"])


def _audio_s(clips: pd.DataFrame) -> float:
    return _ratio_s(clips["audio_samples"], clips["audio_rate_hz"])


def _ratio_s(amount: pd.Series, per_s: pd.Series) -> float:
    return float((amount / per_s.where(per_s != 0)).sum())


def _clips_judged(clips: pd.DataFrame, verdicts: pd.DataFrame, word: str) -> pd.DataFrame:
    """The clip of every verdict of that word; of a clip that is judged twice, twice."""
    clip_ids = verdicts.loc[is_word(verdicts["verdict"], word), "clip_id"]
    rows = looked_up(clip_ids, clips["clip_id"], pd.Series(np.arange(len(clips)))).dropna().astype(int)
    return clips.iloc[rows.to_numpy()]


def _windows_of(clips: pd.DataFrame, windows: pd.DataFrame) -> pd.DataFrame:
    return windows[is_among(windows["window_id"], clips["window_id"])]


def _speech(segments: Columns) -> pd.DataFrame:
    """A row an interval of speech: source_id, start_s, end_s."""
    speech = segments.table["speech_s"].combine_chunks()
    edges_s = np.asarray(pc.list_flatten(pc.list_flatten(speech))).reshape(-1, 2)
    source_ids = segments.frame["source_id"].iloc[np.asarray(pc.list_parent_indices(speech))]
    return pd.DataFrame({"source_id": source_ids.array, "start_s": edges_s[:, 0], "end_s": edges_s[:, 1]})


def _cover_s(pieces: pd.DataFrame) -> float:
    return float(covered_s(pieces).sum())
