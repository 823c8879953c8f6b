"""Where in the footage a row comes from, for people: `talk.mp4 @ 16.1 s`."""

from collections.abc import Sequence

import pandas as pd

from data_contracts.columns import Columns, Tables, is_among
from data_contracts.contract import Where


def at_source(tables: Tables, column: str = "source_id") -> Where:
    """Of rows that name an accepted file in `column`: its path."""

    def where(rows: pd.DataFrame) -> Sequence[str | None]:
        path_of = _paths(tables)
        return [path_of.get(source_id) for source_id in rows[column]]

    return where


def at_window(tables: Tables, column: str = "window_id") -> Where:
    """Of rows that name a window in `column`: its file and start."""

    def where(rows: pd.DataFrame) -> Sequence[str | None]:
        place_of = _windows(tables, rows[column])
        return [place_of.get(window_id) for window_id in rows[column]]

    return where


def at_clip(tables: Tables, column: str = "clip_id") -> Where:
    """Of rows that name a clip in `column`: file and start of its window."""

    def where(rows: pd.DataFrame) -> Sequence[str | None]:
        clips = _asked(tables["clips"], "clip_id", rows[column])
        place_of = _windows(tables, clips["window_id"])
        place_of_clip = {
            clip_id: place_of.get(window_id, "unknown window")
            for clip_id, window_id in zip(clips["clip_id"], clips["window_id"], strict=True)
        }
        return [place_of_clip.get(clip_id) for clip_id in rows[column]]

    return where


def _windows(tables: Tables, window_ids: pd.Series) -> dict[str, str]:
    windows, path_of = _asked(tables["windows"], "window_id", window_ids), _paths(tables)
    return {
        window_id: f"{path_of.get(source_id, 'unknown file')} @ {_time(start_s)}"
        for window_id, source_id, start_s in zip(
            windows["window_id"], windows["source_id"], windows["start_s"], strict=True
        )
    }


def _paths(tables: Tables) -> dict[str, str]:
    accepted = tables.accepted.frame
    return dict(zip(accepted["source_id"], accepted["path"], strict=True))


def _asked(columns: Columns, key: str, ids: pd.Series) -> pd.DataFrame:
    return columns.frame[is_among(columns.frame[key], ids)]


def _time(start_s: float) -> str:
    return "unknown time" if start_s != start_s else f"{start_s:.1f} s"
