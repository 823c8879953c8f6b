"""Latents of the accepted clips at one geometry, as shards for training.

Each worker makes whole shards, so the same clips give the same bytes whatever the number of workers. A shard that is
there with the fingerprint of its clips, captions, codec, params and code is kept: a killed run goes on where it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mova_core.curation.accepted_clips import Row, accepted_clips, canvas_of, load_clip, scaled_down
from mova_core.curation.engine import Engine, run
from mova_core.curation.latent_shards import (
    CAPTION_KINDS,
    CLIPS_PER_SHARD,
    INDEX_FILE,
    MANIFEST_FILE,
    SHARD_PATTERN,
    LatentShard,
    ShardHeader,
    TextContexts,
    finished_shards,
    shard_name,
    write_manifest,
    write_shard,
)
from mova_core.curation.layout import DataFolder
from mova_core.curation.tables import read_table, write_table
from mova_core.errors import MediaError, MovaError, StaleError, UsageError
from mova_core.geometry import ClipGeometry, geometry_named
from mova_core.media.loudness import normalise_loudness
from mova_core.model.nano_codec import NanoCodec
from mova_core.model.pixels import to_unit_range
from mova_core.model.text import TEXT_WIDTH, NanoTextEncoder
from mova_core.params import Params
from mova_core.progress import track
from mova_core.storage.atomic import clear_temporary, make_folder
from mova_core.storage.fingerprint import fingerprint

MADE_BY = (
    "mova_core.curation.accepted_clips",
    "mova_core.curation.encode",
    "mova_core.curation.latent_shards",
    "mova_core.geometry",
    "mova_core.media.clip",
    "mova_core.media.loudness",
    "mova_core.model.half_whitened_pca",
    "mova_core.model.mdct",
    "mova_core.model.nano_audio_codec",
    "mova_core.model.nano_codec",
    "mova_core.model.nano_video_codec",
    "mova_core.model.neighbours",
    "mova_core.model.pixels",
    "mova_core.model.text",
)

Texts = tuple[str | None, ...]  # of one clip, in the order of CAPTION_KINDS


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard to make.

    Args:
        path: where to.
        clips_folder: where the clips lie.
        codec_folder: the codec, whose fingerprint must be the header's.
        clips: rows of table `clips`, all of one orientation.
        texts: captions of each clip.
        lufs: loudness of `audio_lufs`.
        header: what the shard says about itself.
    """

    path: Path
    clips_folder: Path
    codec_folder: Path
    clips: tuple[Row, ...]
    texts: tuple[Texts, ...]
    lufs: float
    header: ShardHeader


def encode(params: Params, geometry: ClipGeometry, data: DataFolder, engine: Engine) -> dict[str, Any]:
    """Bring the folder of this geometry's latents up to date: shards, index, and last the manifest.

    Raises:
        UsageError: a geometry that the preset does not train on, a preset whose codecs are not here, no codec, or a
            table is missing.
        StaleError: the codec or a table was made from something else than now.
        MovaError: no accepted clip, or one that cannot be encoded.
    """
    _check_geometry(params, geometry)
    clips = accepted_clips(data)
    texts = _texts(clips, data)
    codec = NanoCodec.load(data.codec)
    codec.check_fits(geometry)
    made_from = {
        "geometry": geometry.name,
        "codec": codec.fingerprint,
        "text_encoder": NanoTextEncoder().fingerprint,
        "params": fingerprint(params.encode.lufs),
    }
    folder = data.latents(geometry.name)
    make_folder(folder)
    tasks = _tasks(clips, texts, geometry, data, params.encode.lufs, made_from)
    kept = finished_shards(folder, {task.path.name: task.header.fingerprint for task in tasks})
    missing = [task for task in tasks if task.path.name not in kept]

    _remove_foreign(folder, {task.path.name for task in tasks}, unfinished=bool(missing))
    _make(missing, params, engine, label=f"encode@{geometry.name}")
    tables = {name: data.table(name) for name in ("clips", "verdicts", "captions")}
    write_table(folder / INDEX_FILE, "latents", _index(tasks), {**tables, "codec": codec.fingerprint})
    write_manifest(folder, [task.path.name for task in tasks], made_from)
    return {
        **made_from,
        "clips": len(clips),
        "shards": len(tasks),
        "kept_shards": len(kept),
        "text": f"{geometry.name}: {len(clips)} clips in {len(tasks)} shards ({len(kept)} were there already)",
    }


def encode_shard(task: ShardTask) -> int:
    """Make one shard in a worker and write it; the number of its clips.

    Raises:
        MediaError: why there is no such shard; the kind that a worker hands back as a sentence.
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
    codec = NanoCodec.load(task.codec_folder)
    if codec.fingerprint != task.header.codec:
        raise StaleError(f"the codec in {task.codec_folder} changed while clips were being encoded: run it again")
    geometry = geometry_named(task.header.geometry)
    video, audio, audio_lufs = [], [], []
    for clip in task.clips:
        frames, sound = load_clip(task.clips_folder, clip, geometry)
        pictures = to_unit_range(torch.from_numpy(scaled_down(frames, canvas_of(clip, geometry))))
        levelled = normalise_loudness(sound, geometry.audio_rate_hz, task.lufs)
        video.append(codec.video.encode(pictures[None]))
        audio.append(codec.audio.encode(torch.from_numpy(sound)[None]))
        audio_lufs.append(codec.audio.encode(torch.from_numpy(levelled)[None]))
    encoder = NanoTextEncoder()
    contexts = {text: encoder.encode(text) for row in task.texts for text in row if text is not None}
    gathered = TextContexts.gather(task.texts, contexts, TEXT_WIDTH)
    return LatentShard(task.header, torch.cat(video), torch.cat(audio), torch.cat(audio_lufs), gathered)


def _check_geometry(params: Params, geometry: ClipGeometry) -> None:
    if geometry not in params.geometries:
        names = ", ".join(known.name for known in params.geometries)
        raise UsageError(f"geometry is {geometry.name!r}, preset {params.preset} trains on {names}")
    if params.preset != "nano":
        raise UsageError(
            f"{geometry.name} is encoded by the released Wan VAE, DAC VAE and UMT5 text encoder, which this version "
            "cannot read yet: only preset nano can be encoded"
        )


def _texts(clips: Sequence[Row], data: DataFolder) -> list[Texts]:
    captions = {row["clip_id"]: row for row in read_table(data.table("captions"), "captions")}
    for clip in clips:
        if clip["clip_id"] not in captions:
            raise StaleError(f"clip {clip['clip_id']} has no row in {data.table('captions')}: run `mova caption` again")
    return [tuple(captions[clip["clip_id"]][kind] for kind in CAPTION_KINDS) for clip in clips]


def _tasks(
    clips: Sequence[Row],
    texts: Sequence[Texts],
    geometry: ClipGeometry,
    data: DataFolder,
    lufs: float,
    made_from: Mapping[str, str],
) -> list[ShardTask]:
    """The shards that there must be: clips in order, those of one canvas together."""
    tasks: list[ShardTask] = []
    for canvas in geometry.canvases:
        of_canvas = [pair for pair in zip(clips, texts, strict=True) if canvas_of(pair[0], geometry) == canvas]
        for start in range(0, len(of_canvas), CLIPS_PER_SHARD):
            rows, captions = zip(*of_canvas[start : start + CLIPS_PER_SHARD], strict=True)
            identity = [[clip["clip_id"], clip["sha256"]] for clip in rows]
            header = ShardHeader(
                **made_from,
                fingerprint=fingerprint(made_from, identity, captions, modules=MADE_BY),
                clip_ids=tuple(clip["clip_id"] for clip in rows),
            )
            path = data.latents(geometry.name).resolve() / shard_name(len(tasks))
            folders = data.clips.resolve(), data.codec.resolve()
            tasks.append(ShardTask(path, *folders, rows, captions, lufs, header))
    return tasks


def _remove_foreign(folder: Path, wanted: set[str], unfinished: bool) -> None:
    """Remove shards of an earlier, longer run, and the manifest before anything that it vouches for changes."""
    clear_temporary(folder)
    foreign = [path for path in folder.glob(SHARD_PATTERN) if path.name not in wanted]
    if foreign or unfinished:
        (folder / MANIFEST_FILE).unlink(missing_ok=True)
    for path in foreign:
        path.unlink()


def _make(tasks: Sequence[ShardTask], params: Params, engine: Engine, label: str) -> None:
    if not tasks:
        return
    outcomes = run(encode_shard, tasks, engine=engine, limits=params.limits, preload=MADE_BY[1:2])
    for task, outcome in zip(tasks, track(outcomes, len(tasks), label), strict=True):
        if outcome.failed:
            raise MovaError(f"{task.path.name} of {task.header.geometry} was not made: {outcome.reason}")


def _index(tasks: Sequence[ShardTask]) -> list[Row]:
    columns = ("clip_id", "orientation", "split", "phases")
    return [
        {"path": task.path.name, "row": row} | {column: clip[column] for column in columns}
        for task in tasks
        for row, clip in enumerate(task.clips)
    ]
