"""One clip of the training data, or window of audio alone, by its id, read from the tables as they are now.

Slow where they are large: `recorded_clip` asks the registry first.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from mova_core.curation.encode.latents_manifest import AUDIO_CLIPS_FILE
from mova_core.places import DATA, DataFolder
from mova_core.storage.hashing import sha256_file


@dataclass(frozen=True, slots=True)
class TrainingClip:
    """A clip that was cut from footage.

    Args:
        clip_id, sha256: of the clip.
        split: `train` or `validation`.
        phases: the training phases that its latents are for; empty if it was not accepted, or not encoded yet.
        window_id: where in its source it was cut.
        cut_s: start and end of that window, seconds; None if the present windows.parquet has no such window.
        source_id, source_path: the file of the footage, by sha256 and path; the path is None if sources.parquet has no
            such file.
        table_sha256: of clips.parquet.
    """

    clip_id: str
    sha256: str
    split: str
    phases: tuple[str, ...]
    window_id: str
    cut_s: tuple[float, float] | None
    source_id: str
    source_path: str | None
    table_sha256: str


def training_clip(clip_id: str, root: Path) -> TrainingClip | None:
    """The clip of that id, None if clips.parquet is not there or does not list it.

    Args:
        clip_id: as clips.parquet has it.
        root: the project's folder.
    """
    data = DataFolder(root / DATA)
    clip = _row(data.table("clips"), "clip_id", clip_id)
    if clip is None:
        return None
    window = _row(data.table("windows"), "window_id", clip["window_id"])
    source = _row(data.table("sources"), "source_id", clip["source_id"]) or {}
    phases: set[str] = set()
    for index in sorted(root.glob(str(DataFolder().latents("*") / "index.parquet"))):
        phases |= set((_row(index, "clip_id", clip_id) or {}).get("phases") or ())
    return TrainingClip(
        clip_id,
        clip["sha256"],
        clip["split"],
        tuple(sorted(phases)),
        clip["window_id"],
        None if window is None else (window["start_s"], window["end_s"]),
        clip["source_id"],
        source.get("path"),
        sha256_file(data.table("clips")),
    )


@dataclass(frozen=True, slots=True)
class AudioWindow:
    """A window of a file of audio alone.

    Args:
        clip_id: of the window.
        split: `train` or `validation`.
        reason: why it is not trained on; None where it is.
        cut_s: its start and end, seconds.
        source_id, source_path: its file, as of `TrainingClip`.
        phases: that are trained on it, where there is no reason.
    """

    clip_id: str
    split: str
    reason: str | None
    cut_s: tuple[float, float]
    source_id: str
    source_path: str | None
    phases: tuple[str, ...] = ("audio",)


def audio_window(clip_id: str, root: Path) -> AudioWindow | None:
    """The window of that id; None if no latents' table `audio_clips` lists it. Arguments as of `training_clip`."""
    for table in sorted(root.glob(str(DataFolder().latents("*") / AUDIO_CLIPS_FILE))):
        if (row := _row(table, "clip_id", clip_id)) is not None:
            source = _row(DataFolder(root / DATA).table("sources"), "source_id", row["source_id"]) or {}
            times = row["start_s"], row["end_s"]
            return AudioWindow(clip_id, row["split"], row["reason"], times, row["source_id"], source.get("path"))
    return None


def _row(table: Path, key: str, value: str) -> dict[str, Any] | None:
    """The first row with this key, without reading the rest into memory."""
    if not table.is_file():
        return None
    rows = pq.read_table(table, filters=[(key, "=", value)]).to_pylist()
    return rows[0] if rows else None
