"""Clips of one's own as latents: cut in workers like footage, all of them taken, none held out for validation.

The first part of each file in which video and audio both run becomes the clip, as long as the geometry says, cropped
and padded onto its canvas. They go through stage `encode` by tables of their own, in a data folder of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.curation.cut.source_clips import SourceTask, Window, clips_of
from mova_core.curation.cut.source_result import CutClip, is_finished, read_part, write_part
from mova_core.curation.encode.stage import encode
from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run
from mova_core.curation.ingest.source_bytes import reading
from mova_core.curation.own_clips.folder import OwnClip
from mova_core.curation.segment.letterbox import Letterbox
from mova_core.curation.tables import write_table
from mova_core.errors import MediaError, MovaError, StaleError
from mova_core.geometry import ClipGeometry
from mova_core.media.clip_file import ClipCoding
from mova_core.media.decode import decode_whole
from mova_core.media.probe import probe
from mova_core.media.video.orientation import Orientation
from mova_core.params import IngestParams, Params
from mova_core.places import DataFolder
from mova_core.progress import track
from mova_core.storage.atomic import clear_temporary, make_folder
from mova_core.storage.code_version import code_version
from mova_core.storage.hashing import sha256_json

THIS = "mova_core.curation.own_clips.encode_clips"
PRELOAD = ("av", "cv2", THIS)


@dataclass(frozen=True, slots=True)
class OwnClipTask:
    """One file for a worker.

    Args:
        path: the file.
        part: where its clip is written.
        sha256: of the file.
        geometry: of the clip.
        coding: how it is stored.
        hdr: what becomes of HDR, as in params cut.hdr.
        params: how the file is probed.
    """

    path: Path
    part: Path
    sha256: str
    geometry: ClipGeometry
    coding: ClipCoding
    hdr: str
    params: IngestParams


def encode_own_clips(
    clips: Sequence[OwnClip], phase: str, params: Params, geometry: ClipGeometry, data: DataFolder, engine: Engine
) -> dict[str, Any]:
    """Bring a data folder up to date with these clips: tables and latents.

    Args:
        clips: with their captions.
        phase: that takes them.
        params: how they are probed, stored and encoded.
        geometry: of the latents.
        data: the folder, of these clips alone.
        engine: where the work runs.

    Returns:
        The summary of stage `encode`.

    Raises:
        MovaError: a clip that cannot be read, or is too short.
        UsageError, StaleError: as `encode`; a file that changed since its caption was read.
    """
    make_folder(data.clips)
    clear_temporary(data.clips)
    tasks = [_task(clip, params, geometry, data) for clip in clips]
    for foreign in set(data.clips.iterdir()) - {task.part for task in tasks}:
        foreign.unlink()
    _cut([task for task in tasks if not is_finished(task.part)], params, engine)
    rows = [{**row, "path": task.part.name} for task in tasks for row in read_part(task.part).clips]
    write_table(data.table("clips"), "clips", rows)
    write_table(data.table("verdicts"), "verdicts", (_verdict(row["clip_id"], phase) for row in rows))
    captions = (
        {"clip_id": row["clip_id"], "merged": clip.caption, "kind": "own"}
        for row, clip in zip(rows, clips, strict=True)
    )
    write_table(data.table("captions"), "captions", captions)
    return encode(params, geometry, data, engine)


def cut_own_clip(task: OwnClipTask) -> None:
    """Write the clip of one file; the work of one worker.

    Raises:
        MediaError: it cannot be read, has no video or no audio, or is too short.
        StaleError: it is not the file that was asked for any more.
    """
    try:
        with reading(task.path, task.sha256):
            write_part(task.part, task.part.stem, [_clip_of(task)])
    except StaleError:  # says it of footage
        task.part.unlink(missing_ok=True)
        raise StaleError(
            f"{task.path} changed since this training was started, which names its clips by their bytes: run it again "
            "once nobody writes to it"
        ) from None


def _clip_of(task: OwnClipTask) -> CutClip:
    found = probe(task.path, head_s=task.params.head_s, max_pixels=task.params.max_pixels)
    if found.rotation_deg is None or found.hflip is None or found.display_aspect is None:
        raise MediaError("no_video", "it has no video, audio alone")
    start_s = _start_s(task.path, task.geometry.audio_rate_hz)
    source = SourceTask(
        path=task.path,
        parts_folder=task.part.parent,
        source_id=task.sha256,
        orientation=Orientation(found.rotation_deg, found.hflip),
        display_aspect=found.display_aspect,
        letterbox=Letterbox(),
        windows=(Window(task.sha256, start_s, start_s + task.geometry.duration_s, "single_scene_nonspeech"),),
        geometry=task.geometry,
        coding=task.coding,
        split="train",
        hdr=task.hdr,
    )
    (result,) = clips_of(source)
    if not isinstance(result, CutClip):
        raise MediaError(result["reason_code"], result["reason"])
    return result


def _task(clip: OwnClip, params: Params, geometry: ClipGeometry, data: DataFolder) -> OwnClipTask:
    coding = ClipCoding(params.cut.codec, params.cut.crf)
    key = sha256_json(clip.sha256, geometry.name, [coding.codec, coding.crf, params.cut.hdr], code_version(THIS))
    return OwnClipTask(
        clip.path.resolve(), data.clips / f"{key}.tar", clip.sha256, geometry, coding, params.cut.hdr, params.ingest
    )


def _cut(tasks: Sequence[OwnClipTask], params: Params, engine: Engine) -> None:
    if not tasks:
        return
    results = run(
        cut_own_clip, tasks, engine=engine.with_resources(params.engine.cut), limits=params.limits, preload=PRELOAD
    )
    for task, result in zip(tasks, track(results, len(tasks), "cut"), strict=True):
        if result.failed:
            raise MovaError(
                f"{task.path} cannot be used ({result.reason_code}): {result.reason}; bring a video with audio of at "
                f"least {task.geometry.duration_s:.2f} s"
            )


def _start_s(path: Path, rate_hz: int) -> float:
    """When the later one of both streams begins."""
    begun: dict[type, float] = {}
    for piece in decode_whole(path, audio_rate_hz=rate_hz):
        begun.setdefault(type(piece), piece.time_s)
        if len(begun) == len(("video", "audio")):
            break
    return max(begun.values())


def _verdict(clip_id: str, phase: str) -> dict[str, Any]:
    return {"clip_id": clip_id, "rejections": {}, "phases": [phase], "verdict": "accepted"}
