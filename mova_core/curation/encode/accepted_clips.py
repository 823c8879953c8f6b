"""The clips that training may see: their rows, and their video and audio at a geometry."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mova_core.curation.cut.shards import read_member
from mova_core.curation.tables import read_table
from mova_core.errors import MediaError, MovaError, StaleError
from mova_core.geometry import Canvas, ClipGeometry
from mova_core.media.clip_file import read_clip
from mova_core.places import DataFolder

Row = dict[str, Any]


def accepted_clips(data: DataFolder) -> list[Row]:
    """Rows of table `clips` whose verdict is accepted, each with `phases` and `has_subtitles`, in the table's order.

    Raises:
        UsageError: a table is missing.
        StaleError: a clip has no verdict.
        MovaError: no clip is accepted.
    """
    verdicts = {row["clip_id"]: row for row in read_table(data.table("verdicts"), "verdicts")}
    clips = read_table(data.table("clips"), "clips")
    for clip in clips:
        if clip["clip_id"] not in verdicts:
            raise StaleError(f"clip {clip['clip_id']} has no row in {data.table('verdicts')}: run `mova assess` again")
    accepted = [
        clip | {name: verdicts[clip["clip_id"]][name] for name in ("phases", "has_subtitles")}
        for clip in clips
        if verdicts[clip["clip_id"]]["verdict"] == "accepted"
    ]
    if not accepted:
        raise MovaError(
            f"none of the {len(clips)} clips of {data.table('clips')} is accepted: see the reasons in "
            f"{data.rejects('assess')}, bring other footage or change the limits (params.yaml, section assess)"
        )
    return accepted


def load_clip(
    folder: Path, clip: Mapping[str, Any], geometry: ClipGeometry
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Frames uint8 [F, H, W, 3] as they were cut, and audio float32 [S], of one clip.

    Args:
        folder: the clips folder.
        clip: a row of table `clips`.
        geometry: says how many frames and samples there must be.

    Raises:
        StaleError: it is missing, or not the bytes whose sha256 the row holds.
        MediaError: it cannot be decoded, or is of another length.
    """
    frames, audio = read_clip(read_member(folder, clip))
    if (len(frames), audio.size) != (geometry.frames, geometry.audio_samples):
        raise MediaError(
            "wrong_length",
            f"clip {clip['clip_id']} has {len(frames)} frames and {audio.size} samples, geometry {geometry.name} "
            f"{geometry.frames} and {geometry.audio_samples}: run `mova cut` again",
        )
    return frames, audio


def canvas_of(clip: Mapping[str, Any], geometry: ClipGeometry) -> Canvas:
    """The geometry's canvas of this clip's orientation; StaleError if it has none."""
    for canvas in geometry.canvases:
        if canvas.orientation == clip["orientation"]:
            return canvas
    raise StaleError(
        f"clip {clip['clip_id']} is {clip['orientation']}, geometry {geometry.name} has no such canvas: it was cut for "
        "another preset, run `mova cut` again"
    )


def scaled_down(frames: NDArray[np.uint8], canvas: Canvas) -> NDArray[np.uint8]:
    """Frames at the canvas's size, each pixel the mean of the area it covers; unchanged where the size is the same."""
    if frames.shape[1:3] == (canvas.height_px, canvas.width_px):
        return frames
    size = (canvas.width_px, canvas.height_px)
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]).astype(np.uint8)
