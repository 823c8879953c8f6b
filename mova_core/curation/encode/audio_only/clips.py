"""Table `audio_clips`: windows of files of audio alone, on which the audio tower is trained beside the clips.

A window is taken where it holds the limits of `assess` that are about audio and repeats no better-ranked file; one that
is not taken says why. A file is in one split whole: that of the clips which share audio with it, so that nothing of
validation is trained on, else one by the rule of `cut`. Its caption is the file's own one from a sidecar, else the
audio part of a template.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from mova_core.curation.assess.limits import rejections
from mova_core.curation.caption.templates import audio_caption
from mova_core.curation.cut.splits import choose_splits
from mova_core.curation.dedup.duplicates import copied_windows, groups_of
from mova_core.curation.encode.audio_only.measure import AudioSource, Row, measure_audio
from mova_core.curation.encode.audio_only.shard_task import AudioClip
from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run
from mova_core.curation.ingest.footage import Footage
from mova_core.curation.ingest.source_bytes import source_path
from mova_core.curation.tables import read_table
from mova_core.geometry import ClipGeometry
from mova_core.params import Params
from mova_core.places import DataFolder
from mova_core.progress import track
from mova_core.storage.hashing import sha256_json
from mova_core.storage.result_cache import ResultCache

PRELOAD = ("onnxruntime", "av", "mova_core.curation.encode.audio_only.measure")


def audio_clips(
    params: Params, geometry: ClipGeometry, footage: Path, data: DataFolder, engine: Engine, result_cache: Path
) -> list[Row]:
    """Rows of the table, file by file in the order of `sources`.

    Args:
        params: limits, and how speech is found.
        geometry: says how long a window is.
        footage: that `sources` was made from.
        data: where the tables are.
        engine: where files are measured, each whole in one worker.
        result_cache: keeps what a file measures.

    Raises:
        UsageError: the footage or table `sources` is missing.
        StaleError: a file is not the one that `ingest` read.
    """
    sources = read_table(data.table("sources"), "sources")
    accepted = [row for row in sources if row["verdict"] == "accepted" and row["kind"] == "audio"]
    if not accepted:
        return []
    near_duplicates = read_table(data.table("near_duplicates"), "near_duplicates")
    splits = _splits(accepted, sources, near_duplicates, data, params.cut.validation_share)
    found = _measured(accepted, params, geometry, Footage.open(footage), engine, result_cache)
    paths = {row["source_id"]: row["path"] for row in sources}
    rows = []
    for source, windows in zip(accepted, found, strict=True):
        named = [
            row | {"window_id": str(number), "source_id": source["source_id"]} for number, row in enumerate(windows)
        ]
        copies = copied_windows(named, near_duplicates)
        for number, window in enumerate(windows):
            if (copy := copies.get(str(number))) and "reason_code" not in window:
                window |= _copied(window, copy, paths)
            rows.append(_judged(window, source, splits[source["source_id"]], geometry, params))
    return rows


def accepted_windows(rows: Sequence[Row], footage: Path, data: DataFolder) -> Iterator[tuple[Row, AudioClip]]:
    """The rows of the table that are taken, each with where its audio lies; without rows no footage is needed."""
    if not rows:
        return
    paths = {row["source_id"]: row["path"] for row in read_table(data.table("sources"), "sources")}
    files = Footage.open(footage)
    for source_id, windows in groupby(rows, key=lambda row: row["source_id"]):
        path = source_path(files, paths[source_id]).resolve()
        for number, row in enumerate(windows):
            if row["verdict"] == "accepted":
                yield row, AudioClip(row["clip_id"], source_id, path, number)


def _copied(window: Row, copy: Row, paths: Mapping[str, str]) -> Row:
    kept_s = window["start_s"] + copy["kept_start_s"] - copy["start_s"]
    kept = f"{paths[copy['kept_source_id']]} at {kept_s:.1f} s"
    return {"reason_code": "near_duplicate", "reason": f"its audio repeats {kept}, which is kept"}


def _splits(
    accepted: Sequence[Row], sources: Sequence[Row], near_duplicates: Sequence[Row], data: DataFolder, share: float
) -> dict[str, str]:
    """source_id -> split of each file of audio alone."""
    group_of = groups_of(sources, near_duplicates)
    clips = read_table(data.table("clips"), "clips")
    of_clips = {group_of.get(row["source_id"], row["source_id"]): row["split"] for row in clips}
    groups = {row["source_id"]: group_of[row["source_id"]] for row in accepted}
    splits = choose_splits(set(groups.values()) - set(of_clips), share) | of_clips
    return {source_id: splits[group] for source_id, group in groups.items()}


def _measured(
    sources: Sequence[Row], params: Params, geometry: ClipGeometry, files: Footage, engine: Engine, folder: Path
) -> list[list[Row]]:
    """The windows of each file; of one that cannot be read one that says why."""
    result_cache, threshold = ResultCache.of_stage("encode", folder), params.segment.speech_threshold
    size = geometry.audio_samples, geometry.audio_rate_hz
    keys = [sha256_json(row["source_id"], size, threshold) for row in sources]
    results = {key: kept for key in keys if (kept := result_cache.get(key)) is not None}
    missing = [
        (key, AudioSource(row["source_id"], source_path(files, row["path"]), geometry, threshold, row["duration_s"]))
        for key, row in zip(keys, sources, strict=True)
        if key not in results
    ]
    todo = [source for _, source in missing]
    done = run(measure_audio, todo, engine=engine, limits=params.limits, preload=PRELOAD) if todo else iter(())
    for (key, source), result in zip(missing, track(done, len(todo), "audio alone"), strict=True):
        if result.failed:  # may not repeat itself: never kept
            why = {"reason_code": result.reason_code, "reason": result.reason}
            results[key] = [{"start_s": 0.0, "end_s": source.duration_s, **why}]
        else:
            results[key] = result.value
            result_cache.put(key, result.value)
    return [results[key] for key in keys]


def _judged(window: Row, source: Mapping[str, Any], split: str, geometry: ClipGeometry, params: Params) -> Row:
    name = f"{source['source_id']}:{window['start_s']:.6f}:{geometry.name}"
    row = {"clip_id": hashlib.sha256(name.encode()).hexdigest()[:16], "source_id": source["source_id"], "split": split}
    row |= window
    if "reason_code" not in window and (broken := rejections(window, params.assess)):
        row |= {"reason_code": next(iter(broken)), "reason": "; ".join(broken.values())}
    if "reason_code" in row:
        return row | {"verdict": "rejected"}
    if own := source["own_caption"]:
        return row | {"merged": own, "kind": "own", "verdict": "accepted"}
    caption = audio_caption(window["lufs"], window["speech_share"])
    return row | {"sound": caption, "merged": caption, "kind": "template", "verdict": "accepted"}
