"""Latents of the accepted clips at one geometry, as shards for training.

Each worker makes whole shards, clip by clip, so the same clips give the same bytes whatever the number of workers. A
shard that is there with the fingerprint of its clips, captions, codec, params and code is kept: a killed run goes on
where it was, and repeats no finished shard.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from mova_core.curation.encode.accepted_clips import Row, accepted_clips, canvas_of, load_clip, scaled_down
from mova_core.curation.encode.clip_encoder import EncoderFolder
from mova_core.curation.encode.encodable import check_encodable
from mova_core.curation.encode.latent_shards import (
    CAPTION_KINDS,
    SHARD_PATTERN,
    LatentShard,
    ShardHeader,
    TextContexts,
    finished_shards,
    shard_name,
    write_shard,
)
from mova_core.curation.encode.latents_manifest import INDEX_FILE, write_latents_manifest
from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run
from mova_core.curation.tables import read_table, write_table
from mova_core.errors import MediaError, MovaError, ShapeError, StaleError
from mova_core.geometry import ClipGeometry
from mova_core.media.loudness import normalise_loudness
from mova_core.model.pixels import to_unit_range
from mova_core.model.text.prompt import with_duration, without_subtitles
from mova_core.params import Params
from mova_core.places import DataFolder
from mova_core.progress import track
from mova_core.storage.atomic import clear_temporary, make_folder
from mova_core.storage.code_version import stage_version
from mova_core.storage.hashing import sha256_json
from mova_core.storage.manifest import MANIFEST_FILE

HERE = "mova_core.curation.encode.stage"
RELEASED_LIBRARIES = ("diffusers", "transformers")

Texts = tuple[str | None, ...]  # of one clip, in the order of CONTEXT_KINDS


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard to make.

    Args:
        path: where to.
        clips_folder: where the clips lie.
        encoder: what encodes them, with the header's fingerprints.
        geometry: of the latents.
        clips: rows of table `clips`, all of one orientation.
        texts: captions of each clip.
        target_lufs: loudness of `audio_lufs`.
        header: what the shard says about itself.
    """

    path: Path
    clips_folder: Path
    encoder: EncoderFolder
    geometry: ClipGeometry
    clips: tuple[Row, ...]
    texts: tuple[Texts, ...]
    target_lufs: float
    header: ShardHeader


def encode(params: Params, geometry: ClipGeometry, data: DataFolder, engine: Engine) -> dict[str, Any]:
    """Bring the folder of this geometry's latents up to date: shards, index, and last the manifest.

    Raises:
        UsageError: what `check_encodable` refuses, no codec, or a table is missing.
        StaleError: the codec or a table was made from something else than now.
        MovaError: no accepted clip, or one that cannot be encoded.
    """
    check_encodable(params, geometry)
    engine = engine.with_resources(params.engine.encode)
    clips = accepted_clips(data)
    texts = _texts(clips, data, geometry)
    encoder = _encoder(params, geometry, data)
    inputs = {
        "geometry": geometry.name,
        "codec": encoder.codec,
        "text_encoder": encoder.text_encoder,
        "params": sha256_json(params.encode.target_lufs),
    }
    folder = data.latents(geometry.name)
    make_folder(folder)
    tasks = _tasks(clips, texts, encoder, geometry, data, params, inputs)
    kept = finished_shards(folder, {task.path.name: task.header.fingerprint for task in tasks})
    missing = [task for task in tasks if task.path.name not in kept]

    _remove_foreign(folder, {task.path.name for task in tasks}, unfinished=bool(missing))
    _make(missing, params, engine, label=f"encode@{geometry.name}")
    tables = {name: data.table(name) for name in ("clips", "verdicts", "captions")}
    write_table(folder / INDEX_FILE, "latents", _index(tasks), {**tables, "codec": encoder.codec})
    write_latents_manifest(folder, [task.path.name for task in tasks], inputs)
    return {
        **inputs,
        "clips": len(clips),
        "shards": len(tasks),
        "kept_shards": len(kept),
        "text": f"{geometry.name}: {len(clips)} clips in {len(tasks)} shards ({len(kept)} were there already)",
    }


def encode_shard(task: ShardTask) -> int:
    """Make one shard in a worker and write it; the number of its clips.

    Raises:
        MediaError: why there is no such shard; the kind that a worker hands back as a sentence.
        DiskFull: there is no room for it.
    """
    try:
        shard = latents_of(task)
    except MovaError as error:
        raise MediaError("not_encoded", str(error)) from None
    write_shard(task.path, shard)
    return len(shard)


def latents_of(task: ShardTask) -> LatentShard:
    """The shard of these clips.

    Raises:
        MediaError: a clip cannot be decoded.
        StaleError: a clip or the codec is not the one that the tables name.
        MovaError: latents that are not finite.
    """
    encoder, geometry = task.encoder.load(), task.geometry
    video, audio, audio_lufs = [], [], []
    for clip in task.clips:
        canvas = canvas_of(clip, geometry)
        frames, waveform = load_clip(task.clips_folder, clip, geometry)
        pixels = to_unit_range(torch.from_numpy(scaled_down(frames, canvas)))
        levelled = normalise_loudness(waveform, geometry.audio_rate_hz, task.target_lufs)
        video.append(encoder.video(pixels[None]))
        audio.append(encoder.audio(torch.from_numpy(waveform)[None]))
        audio_lufs.append(encoder.audio(torch.from_numpy(levelled)[None]))
        got = (*video[-1].shape[2:], audio[-1].shape[2])
        expected = (geometry.latent_frames, canvas.latent_height, canvas.latent_width, geometry.audio_latents)
        if got != expected:
            raise ShapeError(f"clip {clip['clip_id']} has latents of {got} (T, h, w, L), {geometry.name} {expected}")
    contexts = {text: encoder.context(text) for row in task.texts for text in row if text is not None}
    gathered = TextContexts.gather(task.texts, contexts, encoder.context_width)
    return LatentShard(task.header, torch.cat(video), torch.cat(audio), torch.cat(audio_lufs), gathered)


def _encoder(params: Params, geometry: ClipGeometry, data: DataFolder) -> EncoderFolder:
    if params.encode.weights is None:
        return EncoderFolder.nano(data.codec, geometry)
    device = "cuda" if params.engine.encode.gpu else "cpu"
    return EncoderFolder.released(Path(params.encode.weights), geometry, device)


def _texts(clips: Sequence[Row], data: DataFolder, geometry: ClipGeometry) -> list[Texts]:
    captions = {row["clip_id"]: row for row in read_table(data.table("captions"), "captions")}
    for clip in clips:
        if clip["clip_id"] not in captions:
            raise StaleError(f"clip {clip['clip_id']} has no row in {data.table('captions')}: run `mova caption` again")
    return [_texts_of(captions[clip["clip_id"]], clip["has_subtitles"], geometry.duration_s) for clip in clips]


def _texts_of(caption: Row, has_subtitles: bool | None, duration_s: float) -> Texts:
    """The captions as they are, and the merged one as phase `audio` and as phase 2 train on it."""
    merged = caption["merged"]
    return (
        *(caption[kind] for kind in CAPTION_KINDS),
        with_duration(merged, duration_s),
        without_subtitles(merged) if has_subtitles is False else merged,
    )


def _tasks(
    clips: Sequence[Row],
    texts: Sequence[Texts],
    encoder: EncoderFolder,
    geometry: ClipGeometry,
    data: DataFolder,
    params: Params,
    inputs: Mapping[str, str],
) -> list[ShardTask]:
    """The shards that there must be: clips in order, those of one canvas together."""
    size = params.encode.clips_per_shard
    computed_by = [stage_version("encode"), encoder.device, params.engine.encode.cpu, _libraries(encoder)]
    tasks: list[ShardTask] = []
    for canvas in geometry.canvases:
        of_canvas = [pair for pair in zip(clips, texts, strict=True) if canvas_of(pair[0], geometry) == canvas]
        for start in range(0, len(of_canvas), size):
            rows, captions = zip(*of_canvas[start : start + size], strict=True)
            identity = [[clip["clip_id"], clip["sha256"]] for clip in rows]
            header = ShardHeader(
                **inputs,
                fingerprint=sha256_json(inputs, computed_by, identity, captions),
                clip_ids=tuple(clip["clip_id"] for clip in rows),
            )
            path = data.latents(geometry.name).resolve() / shard_name(len(tasks))
            clips_folder, target_lufs = data.clips.resolve(), params.encode.target_lufs
            tasks.append(ShardTask(path, clips_folder, encoder, geometry, rows, captions, target_lufs, header))
    return tasks


def _libraries(encoder: EncoderFolder) -> list[str]:
    """Versions of what holds code of the codecs beside this project."""
    return [version(name) for name in RELEASED_LIBRARIES] if encoder.kind == "released" else []


def _remove_foreign(folder: Path, wanted: set[str], unfinished: bool) -> None:
    """Remove shards of an earlier, longer run, and the manifest before anything that it names changes."""
    clear_temporary(folder)
    foreign = [path for path in folder.glob(SHARD_PATTERN) if path.name not in wanted]
    if foreign or unfinished:
        (folder / MANIFEST_FILE).unlink(missing_ok=True)
    for path in foreign:
        path.unlink()


def _make(tasks: Sequence[ShardTask], params: Params, engine: Engine, label: str) -> None:
    if not tasks:
        return
    preload = (HERE, "mova_core.model.codecs.released_codecs") if tasks[0].encoder.kind == "released" else (HERE,)
    task_results = run(encode_shard, tasks, engine=engine, limits=params.limits, preload=preload)
    for task, task_result in zip(tasks, track(task_results, len(tasks), label), strict=True):
        if task_result.failed:
            raise MovaError(f"{task.path.name} of {task.header.geometry} was not made: {task_result.reason}")


def _index(tasks: Sequence[ShardTask]) -> list[Row]:
    columns = ("clip_id", "orientation", "split", "phases")
    return [
        {"path": task.path.name, "row": row} | {column: clip[column] for column in columns}
        for task in tasks
        for row, clip in enumerate(task.clips)
    ]
