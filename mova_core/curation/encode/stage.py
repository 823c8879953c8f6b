"""Latents of the accepted clips at one geometry, as shards for training.

Each worker makes whole shards, clip by clip, so the same clips give the same bytes whatever the number of workers. A
shard that is there with the fingerprint of its clips, captions, codec, params and code is kept: a killed run goes on
where it was, and repeats no finished shard.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mova_core.curation.encode.accepted_clips import Row, accepted_clips, canvas_of
from mova_core.curation.encode.audio_only.clips import accepted_windows, audio_clips
from mova_core.curation.encode.audio_only.shard_task import AudioClip, AudioShardTask
from mova_core.curation.encode.clip_encoder import EncoderFolder
from mova_core.curation.encode.encodable import check_encodable
from mova_core.curation.encode.file_task import ConstantsTask, FileTask, ShardTask, write_file
from mova_core.curation.encode.folder_constants import CONSTANTS_FILE
from mova_core.curation.encode.latent_shards import CAPTION_KINDS, Texts
from mova_core.curation.encode.latents_file import SHARD_PATTERN, FileHeader, finished_files, shard_name
from mova_core.curation.encode.latents_manifest import AUDIO_CLIPS_FILE, INDEX_FILE, write_latents_manifest
from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run
from mova_core.curation.tables import read_table, write_table
from mova_core.errors import MovaError, StaleError
from mova_core.geometry import ClipGeometry
from mova_core.model.pretrained.frozen_parts import FrozenParts
from mova_core.model.pretrained.index import FROZEN_COMPONENTS
from mova_core.model.text.prompt import with_duration, without_subtitles
from mova_core.params import Params
from mova_core.params.curation import EncodeParams
from mova_core.places import RESULT_CACHE, DataFolder
from mova_core.progress import track
from mova_core.storage.atomic import clear_temporary, make_folder
from mova_core.storage.code_version import code_version
from mova_core.storage.hashing import sha256_json
from mova_core.storage.manifest import MANIFEST_FILE

WORK = "mova_core.curation.encode.file_task"
RELEASED_LIBRARIES = ("diffusers", "transformers")


def encode(
    params: Params,
    geometry: ClipGeometry,
    data: DataFolder,
    engine: Engine,
    footage: Path | None = None,
    result_cache: Path = RESULT_CACHE,
) -> dict[str, Any]:
    """Bring the folder of this geometry's latents up to date: shards, constants, index, and last the manifest.

    The smallest geometry, which the audio tower is trained on, also gets the windows of files of audio alone.

    Args:
        params: all sections.
        geometry: of the latents.
        data: where tables and clips lie, and latents go.
        engine: where workers run.
        footage: that table `sources` was made from; None for clips without one, whose origin is not known.
        result_cache: folder that keeps what those measure.

    Raises:
        UsageError: what `check_encodable` refuses, no codec, or a table is missing.
        StaleError: the codec or a table was made from something else than now.
        MovaError: no accepted clip, or one that cannot be encoded.
    """
    check_encodable(params, geometry)
    engine = engine.with_resources(params.engine.encode)
    clips = accepted_clips(data)
    texts = _texts(clips, data, geometry)
    parts = FrozenParts.of(params, data)
    encoder = EncoderFolder.of(parts, geometry, "cuda" if params.engine.encode.gpu else "cpu")
    inputs = {
        "geometry": geometry.name,
        "codec": encoder.codec,
        "text_encoder": encoder.text_encoder,
        "params": sha256_json(params.encode.target_lufs),
    }
    folder = data.latents(geometry.name)
    make_folder(folder)
    made_by = [code_version(WORK), encoder.device, params.engine.encode.cpu, _libraries(parts)]
    latents = _Latents(folder.resolve(), encoder, geometry, params.encode, inputs, made_by)
    constants = ConstantsTask(*latents.file(CONSTANTS_FILE))
    shards = _shards(latents, clips, texts, data.clips.resolve())
    audio: list[Row] | None = None
    alone: list[AudioShardTask] = []
    if footage is not None and geometry == params.geometries[0]:
        audio = audio_clips(params, geometry, footage, data, engine, result_cache)
        alone = _audio_shards(latents, len(shards), accepted_windows(audio, footage, data))
    tasks: list[FileTask] = [*shards, *alone, constants]
    kept = finished_files(folder, {task.path.name: task.header.fingerprint for task in tasks})
    missing = [task for task in tasks if task.path.name not in kept]

    _remove_foreign(folder, {task.path.name for task in tasks}, unfinished=bool(missing))
    _make(missing, params, engine, label=f"encode@{geometry.name}")
    tables = {name: data.table(name) for name in ("clips", "verdicts", "captions")}
    names = [task.path.name for task in tasks]
    if audio is None:
        (folder / AUDIO_CLIPS_FILE).unlink(missing_ok=True)
    else:
        write_table(folder / AUDIO_CLIPS_FILE, "audio_clips", audio, {"sources": data.table("sources")})
        names.append(AUDIO_CLIPS_FILE)
    index = [*_index(shards), *_audio_index(alone, audio or ())]
    origin_of = _origins(data) if footage is not None else {}
    sources = {row["clip_id"]: row["source_id"] for row in (*clips, *(audio or ()))}
    index = [row | {"origin": origin_of.get(sources[row["clip_id"]])} for row in index]
    write_table(folder / INDEX_FILE, "latents", index, {**tables, "codec": encoder.codec})
    write_latents_manifest(folder, names, inputs)
    there = len(kept - {CONSTANTS_FILE})
    return {
        **inputs,
        "clips": len(clips),
        "audio_clips": sum(len(task.clips) for task in alone),
        "shards": len(shards) + len(alone),
        "kept_shards": there,
        "text": f"{geometry.name}: {len(clips)} clips{_told(audio)} in {len(shards) + len(alone)} shards "
        f"({there} were there already)",
    }


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
        *(caption.get(kind) for kind in CAPTION_KINDS),
        with_duration(merged, duration_s),
        without_subtitles(merged) if has_subtitles is False else merged,
    )


@dataclass(frozen=True, slots=True)
class _Latents:
    """What all files of one folder of latents share.

    Args:
        folder: where they lie.
        encoder, geometry: as of `LatentsTask`.
        params: section encode.
        inputs: fingerprints that every file names.
        made_by: code, device and libraries.
    """

    folder: Path
    encoder: EncoderFolder
    geometry: ClipGeometry
    params: EncodeParams
    inputs: Mapping[str, str]
    made_by: Sequence[Any]

    def file(
        self, name: str, clip_ids: Sequence[str] = (), *made_from: Any
    ) -> tuple[Path, EncoderFolder, FileHeader, ClipGeometry]:
        """Arguments of `LatentsTask` for the file of that name, of these clips, made from what identifies them."""
        fingerprint = sha256_json(self.inputs, self.made_by, *made_from)
        header = FileHeader(**self.inputs, fingerprint=fingerprint, clip_ids=tuple(clip_ids))
        return self.folder / name, self.encoder, header, self.geometry

    def parts(self, clips: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """Those of each shard."""
        size = self.params.clips_per_shard
        return (clips[start : start + size] for start in range(0, len(clips), size))


def _shards(latents: _Latents, clips: Sequence[Row], texts: Sequence[Texts], clips_folder: Path) -> list[ShardTask]:
    """The shards that there must be: clips in order, those of one canvas together."""
    tasks: list[ShardTask] = []
    geometry, target_lufs = latents.geometry, latents.params.target_lufs
    for canvas in geometry.canvases:
        of_canvas = [pair for pair in zip(clips, texts, strict=True) if canvas_of(pair[0], geometry) == canvas]
        for part in latents.parts(of_canvas):
            rows, captions = zip(*part, strict=True)
            identity = [[clip["clip_id"], clip["sha256"]] for clip in rows]
            ids = [clip["clip_id"] for clip in rows]
            file = latents.file(shard_name(len(tasks)), ids, identity, captions)
            tasks.append(ShardTask(*file, clips_folder, rows, captions, target_lufs))
    return tasks


def _audio_shards(latents: _Latents, first: int, windows: Iterable[tuple[Row, AudioClip]]) -> list[AudioShardTask]:
    """The shards of audio alone that there must be, numbered from `first`."""
    tasks: list[AudioShardTask] = []
    for part in latents.parts(list(windows)):
        rows, clips = zip(*part, strict=True)
        texts = tuple(_texts_of(row, None, latents.geometry.duration_s) for row in rows)
        identity, ids = [[clip.source_id, clip.number] for clip in clips], [clip.clip_id for clip in clips]
        file = latents.file(shard_name(first + len(tasks)), ids, identity, texts)
        tasks.append(AudioShardTask(*file, clips, texts, latents.params.target_lufs))
    return tasks


def _origins(data: DataFolder) -> dict[str, str | None]:
    """What sidecars state about the origin of each accepted file."""
    return {
        row["source_id"]: row["origin"]
        for row in read_table(data.table("sources"), "sources")
        if row["verdict"] == "accepted"
    }


def _told(audio: Sequence[Row] | None) -> str:
    if not audio:
        return ""
    accepted = sum(row["verdict"] == "accepted" for row in audio)
    return f" and {accepted} of {len(audio)} windows of audio alone"


def _libraries(parts: FrozenParts) -> list[str]:
    """Versions of what holds code of the codecs beside this project."""
    index = parts.index()
    used = {index[name][0] for name in FROZEN_COMPONENTS if name in index}
    return [version(name) for name in RELEASED_LIBRARIES if name in used]


def _remove_foreign(folder: Path, wanted: set[str], unfinished: bool) -> None:
    """Remove shards of an earlier, longer run, and the manifest before anything that it names changes."""
    clear_temporary(folder)
    foreign = [path for path in folder.glob(SHARD_PATTERN) if path.name not in wanted]
    if foreign or unfinished:
        (folder / MANIFEST_FILE).unlink(missing_ok=True)
    for path in foreign:
        path.unlink()


def _make(tasks: Sequence[FileTask], params: Params, engine: Engine, label: str) -> None:
    if not tasks:
        return
    preload = (WORK, tasks[0].encoder.parts.module)
    task_results = run(write_file, tasks, engine=engine, limits=params.limits, preload=preload)
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


def _audio_index(tasks: Sequence[AudioShardTask], audio: Sequence[Row]) -> list[Row]:
    split_of = {row["clip_id"]: row["split"] for row in audio}
    return [
        {"clip_id": clip.clip_id, "path": task.path.name, "row": row, "orientation": None}
        | {"split": split_of[clip.clip_id], "phases": ["audio"]}
        for task in tasks
        for row, clip in enumerate(task.clips)
    ]
