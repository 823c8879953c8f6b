"""Stage `cut`: each window becomes a clip of exactly the geometry's frames and samples, or a reject with its reason.

A window whose video and audio repeat a better-ranked source is such a reject. Sources that share footage share a split.
One worker a source leaves one part; parts become shards in the order of the sources (`shards.py`), or single files for
`mova curate`. A run that was killed goes on from its sealed shards and finished parts and ends in the same bytes.
"""

import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from mova_core.curation.cut.shards import Shard, ShardPlan, keep_sealed, plan_shards, seal
from mova_core.curation.cut.source_clips import SourceTask, Window, cut_source, reject_row
from mova_core.curation.cut.source_result import Row, is_finished, read_part, unpack, write_part
from mova_core.curation.cut.splits import choose_splits
from mova_core.curation.dedup.duplicates import copied_windows, groups_of
from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run
from mova_core.curation.ingest.footage import Footage
from mova_core.curation.ingest.source_bytes import source_path
from mova_core.curation.segment.letterbox import Letterbox
from mova_core.curation.tables import WINDOW_KINDS, read_table, write_table
from mova_core.media.clip_file import CLIP_FORMATS, ClipCoding
from mova_core.media.video.orientation import Orientation
from mova_core.params import Limits, Params
from mova_core.places import DataFolder
from mova_core.progress import track
from mova_core.storage.atomic import clear_temporary, make_folder
from mova_core.storage.hashing import sha256_file
from mova_core.storage.result_cache import ResultCache

STAGE = "cut"
PRELOAD = ("av", "cv2", "mova_core.curation.cut.source_clips")
LETTERBOX_SIDES = ("top_px", "bottom_px", "left_px", "right_px")

LEAST_TRAIN, LEAST_VALIDATION = 16, 4  # clips; below, a warning
FAR_SHARE = 2.0  # a share of validation clips that is off by more than this factor is told

Tables = dict[str, list[Row]]


def cut(
    params: Params, footage: Path, data: DataFolder, engine: Engine, result_cache: Path, as_files: bool = False
) -> dict[str, Any]:
    """Cut every window; write the clips, table `clips` and the rejects of this stage.

    Args:
        params: preset, limits and section cut.
        footage: folder or lock that the sources came from.
        data: where the tables are and the clips go.
        engine: where workers run.
        result_cache: folder for finished sources until their shard is sealed.
        as_files: one file a clip instead of shards.

    Raises:
        UsageError: a table or the footage is missing, or a folder cannot be written to.
        StaleError: a file is not the one that `ingest` read.
    """
    engine = engine.with_resources(params.engine.cut)
    tables = read_tables(data)
    copies = _copies(tables)
    tasks = source_tasks(params, footage, tables, result_cache / STAGE, left_out={row["id"] for row in copies})
    make_folder(data.clips)
    make_folder(result_cache / STAGE)
    clear_temporary(result_cache / STAGE)
    if as_files:
        clips, rejects = _into_files(tasks, data.clips, engine, params.limits, ResultCache("cut-files", result_cache))
    else:
        clips, rejects = _into_shards(tasks, data.clips, engine, params.limits, params.cut.clips_per_shard)
    rejects = [*copies, *rejects]
    shutil.rmtree(result_cache / STAGE)
    write_table(data.rejects(STAGE), "rejects", rejects)
    inputs = {"windows": data.table("windows"), "segments": data.table("segments"), "rejects": data.rejects(STAGE)}
    write_table(data.table("clips"), "clips", clips, inputs)
    return _summary(clips, rejects, len(_groups_cut(clips, tables)), params.cut.validation_share)


def read_tables(data: DataFolder) -> Tables:
    """The tables that tell what is to be cut, by name.

    Raises:
        UsageError: one is missing.
    """
    return {name: read_table(data.table(name), name) for name in ("sources", "segments", "windows", "near_duplicates")}


def source_tasks(
    params: Params, footage: Path, tables: Tables, parts_folder: Path, left_out: Collection[str] = ()
) -> list[SourceTask]:
    """A task for each source that has windows but those left out (window ids), in the order of table `sources`."""
    files = Footage.open(footage)
    segments = {row["source_id"]: row for row in tables["segments"]}
    group_of = groups_of(tables["sources"], tables["near_duplicates"])
    windows: dict[str, list[Window]] = {}
    for row in tables["windows"]:
        if row["window_id"] in left_out:
            continue
        window = Window(row["window_id"], row["start_s"], row["end_s"], row["kind"])
        windows.setdefault(row["source_id"], []).append(window)
    splits = choose_splits({group_of[source_id] for source_id in windows}, params.cut.validation_share)
    return [
        SourceTask(
            path=source_path(files, row["path"]),
            parts_folder=parts_folder,
            source_id=row["source_id"],
            orientation=Orientation(row["rotation_deg"], row["hflip"]),
            display_aspect=row["display_aspect"],
            letterbox=Letterbox(**{side: segments[row["source_id"]][f"crop_{side}"] for side in LETTERBOX_SIDES}),
            windows=tuple(sorted(windows[row["source_id"]], key=_place)),
            geometry=params.clip_geometry,
            coding=ClipCoding(params.cut.codec, params.cut.crf),
            split=splits[group_of[row["source_id"]]],
            hdr=params.cut.hdr,
            duration_s=row["duration_s"],
        )
        for row in tables["sources"]
        if row["verdict"] == "accepted" and row["source_id"] in windows
    ]


def _groups_cut(clips: list[Row], tables: Tables) -> set[str]:
    group_of = groups_of(tables["sources"], tables["near_duplicates"])
    return {group_of[row["source_id"]] for row in clips}


def split_warnings(groups: int, train: int, validation: int, validation_share: float) -> list[str]:
    """Sentences on splits that are too small to train or to evaluate with, or far from the share that was asked for.

    Args:
        groups: of near duplicates (a file without one counts for itself) that gave clips.
        train, validation: clips of each split.
        validation_share: as in params.
    """
    if not train + validation or not validation_share:
        return []
    if groups == 1:
        return ["all clips are of one file or its near duplicates, so none is left for validation: add other footage"]
    warnings = []
    for split, count, least in (("train", train, LEAST_TRAIN), ("validation", validation, LEAST_VALIDATION)):
        if count < least:
            warnings.append(f"only {count} clips for {split}, expected at least {least}: add footage")
    share = validation / (train + validation)
    if not validation_share / FAR_SHARE <= share <= validation_share * FAR_SHARE:
        warnings.append(
            f"{share:.2f} of the clips are for validation, cut.validation_share is {validation_share:g}: files are few "
            "or of very different length, and a file is never split"
        )
    return warnings


def _copies(tables: Tables) -> list[Row]:
    """Rejects: windows that show and play the same as part of a better-ranked source, each naming it."""
    paths = {row["source_id"]: row["path"] for row in tables["sources"]}
    copies = copied_windows(tables["windows"], tables["near_duplicates"])
    rejects = []
    for window in tables["windows"]:
        if copy := copies.get(window["window_id"]):
            kept_s = window["start_s"] + copy["kept_start_s"] - copy["start_s"]
            what = "video and audio repeat" if copy["audio_similarity"] is not None else "video repeats"
            kept = f"{paths[copy['kept_source_id']]} at {kept_s:.1f} s"
            rejects.append(reject_row(window["window_id"], "near_duplicate", f"its {what} {kept}, which is kept"))
    return rejects


def _place(window: Window) -> tuple[float, int]:
    return window.start_s, WINDOW_KINDS.index(window.kind)


def _into_shards(
    tasks: Sequence[SourceTask], folder: Path, engine: Engine, limits: Limits, clips_per_shard: int
) -> tuple[list[Row], list[Row]]:
    plans = plan_shards(((task.key, len(task.windows)) for task in tasks), clips_per_shard)
    paths = {task.key: task.part for task in tasks}
    shards = keep_sealed(folder, plans, paths)
    to_seal = {plan.parts[-1]: plan for plan in plans if plan.name not in shards}
    missing = {key for plan in to_seal.values() for key in plan.parts}
    for task in _finished([task for task in tasks if task.key in missing], engine, limits):
        if plan := to_seal.get(task.key):  # its last source: all before it are finished, for they come in order
            shards[plan.name] = _sealed(folder, plan, paths)
    ordered = [shards[plan.name] for plan in plans]
    return [row for shard in ordered for row in shard.clips], [row for shard in ordered for row in shard.rejects]


def _sealed(folder: Path, plan: ShardPlan, paths: dict[str, Path]) -> Shard:
    shard = seal(folder, plan, [paths[key] for key in plan.parts])
    for key in plan.parts:
        paths[key].unlink()
    return shard


def _into_files(
    tasks: Sequence[SourceTask], folder: Path, engine: Engine, limits: Limits, finished: ResultCache
) -> tuple[list[Row], list[Row]]:
    rows = {task.key: kept for task in tasks if (kept := finished.get(task.key)) and _are_whole(folder, kept["clips"])}
    for task in _finished([task for task in tasks if task.key not in rows], engine, limits):
        part = read_part(task.part)
        rows[task.key] = {"clips": unpack(task.part, folder), "rejects": part.rejects}
        if not part.worker_ended:
            finished.put(task.key, rows[task.key])
        task.part.unlink()
    ordered = [rows[task.key] for task in tasks]
    clips = [row for kept in ordered for row in kept["clips"]]
    names = {row["path"] for row in clips}
    suffixes = {f".{form.suffix}" for form in CLIP_FORMATS.values()}
    for path in folder.iterdir():
        if path.suffix in suffixes and path.name not in names:  # of other params or footage
            path.unlink()
    clear_temporary(folder)
    return clips, [row for kept in ordered for row in kept["rejects"]]


def _are_whole(folder: Path, rows: list[Row]) -> bool:
    return all((path := folder / row["path"]).exists() and sha256_file(path) == row["sha256"] for row in rows)


def _finished(tasks: Sequence[SourceTask], engine: Engine, limits: Limits) -> Iterator[SourceTask]:
    """The tasks in order, each as soon as its part is there."""
    missing = [task for task in tasks if not is_finished(task.part)]
    task_results = run(cut_source, missing, engine=engine, limits=limits, preload=PRELOAD)
    pending = {task.key for task in missing}
    for task in track(tasks, total=len(tasks), label=STAGE):
        if task.key in pending:
            task_result = next(task_results)
            if task_result.failed:
                rejects = [reject_row(w.window_id, task_result.reason_code, task_result.reason) for w in task.windows]
                write_part(task.part, task.key, rejects, worker_ended=True)
        yield task


def _summary(clips: list[Row], rejects: list[Row], groups: int, validation_share: float) -> dict[str, Any]:
    windows = len(clips) + len(rejects)
    shapes = Counter(row["orientation"] for row in clips)
    splits = Counter(row["split"] for row in clips)
    reasons = Counter(row["reason_code"] for row in rejects)
    text = f"{len(clips)} clips of {windows} windows"
    if clips:
        told = ", ".join(f"{count} {shape}" for shape, count in sorted(shapes.items()))
        text += f" ({told}; {splits['validation']} for validation)"
    if reasons:
        text += "; not cut: " + ", ".join(f"{count} {code}" for code, count in sorted(reasons.items()))
    warnings = split_warnings(groups, splits["train"], splits["validation"], validation_share)
    text += "".join(f"\n          warning: {warning}" for warning in warnings)
    return {
        "windows": windows,
        "accepted": len(clips),
        "rejected": len(rejects),
        "orientations": dict(sorted(shapes.items())),
        "splits": dict(sorted(splits.items())),
        "reasons": dict(sorted(reasons.items())),
        "warnings": warnings,
        "text": text,
    }
