"""Where in the footage a row comes from, for people: `talk.mp4 @ 16.1 s`."""

from typing import Any

from mova_core.curation.layout import DataFolder
from mova_core.curation.tables import read_table


def places_of_windows(data: DataFolder) -> dict[str, str]:
    """window_id -> file and start."""
    path_of = {row["source_id"]: row["path"] for row in _accepted_sources(data)}
    return {
        row["window_id"]: f"{path_of.get(row['source_id'], 'unknown file')} @ {_time(row['start_s'])}"
        for row in read_table(data.table("windows"), "windows")
    }


def places_of_clips(data: DataFolder) -> dict[str, str]:
    """clip_id -> file and start."""
    places = places_of_windows(data)
    return {
        row["clip_id"]: places.get(row["window_id"], "unknown window")
        for row in read_table(data.table("clips"), "clips")
    }


def places_of_sources(data: DataFolder) -> dict[str, str]:
    """source_id of an accepted file -> its path."""
    return {row["source_id"]: row["path"] for row in _accepted_sources(data)}


def _time(start_s: float | None) -> str:
    return "unknown time" if start_s is None else f"{start_s:.1f} s"


def _accepted_sources(data: DataFolder) -> list[dict[str, Any]]:
    return [row for row in read_table(data.table("sources"), "sources") if row["verdict"] == "accepted"]
