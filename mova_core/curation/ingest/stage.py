"""From footage of any kind to table `sources`: one row per file, accepted or rejected with a reason.

First every file is hashed: an exact duplicate is known by its bytes, the first by path stays. Then each distinct file
is probed in a worker, by reading all its packets and decoding the start of its streams. What a file turned out to be
is kept by its content and the params, so a killed run goes on and a renamed file is not looked at again: new files
alone cost new work, beside reading every file once. What was there at the last run and is not any more is told.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run
from mova_core.curation.engine.worker import TaskResult
from mova_core.curation.ingest.differences import since_last_run, skipped_line
from mova_core.curation.ingest.duplicates import reject_duplicates
from mova_core.curation.ingest.folder_sidecar import folder_sidecar
from mova_core.curation.ingest.footage import Entry, Footage
from mova_core.curation.ingest.sidecars import Stated, parsed_sidecar, sidecar_bytes, stated_columns
from mova_core.curation.ingest.sidecars_read import INPUT as SIDECARS
from mova_core.curation.ingest.sidecars_read import sidecars_hash
from mova_core.curation.ingest.source_bytes import FileState, identify, reading
from mova_core.curation.tables import write_table
from mova_core.curation.takedowns import TAKEN_DOWN, in_force, read_takedowns
from mova_core.errors import MediaError
from mova_core.params import IngestParams, Limits, Params
from mova_core.places import TAKEDOWNS, DataFolder
from mova_core.progress import track
from mova_core.storage.atomic import write_text
from mova_core.storage.hashing import sha256_json
from mova_core.storage.result_cache import ResultCache

STAGE = "ingest"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileTask:
    """One file for a worker.

    Args:
        path: where it lies.
        entry: what the footage's list says of it.
        locked: it must be what its lock says.
        params: how to probe it.
        sidecar: where its sidecar lies, if it can have one.
        stated: what the folder's sidecar says of it.
        source_id: sha256 of its bytes, once it is known.
        hashed: its state when they were hashed.
    """

    path: Path
    entry: Entry
    locked: bool
    params: IngestParams
    sidecar: Path | None = None
    stated: Stated = field(default_factory=dict)
    source_id: str = ""
    hashed: FileState | None = None


def ingest(
    params: Params,
    footage: Path,
    data: DataFolder,
    engine: Engine,
    result_cache: Path,
    takedowns: Path = TAKEDOWNS,
) -> dict[str, Any]:
    """Write `sources` and this stage's rejects.

    Args:
        params: section `ingest`, and the limits of one file.
        footage: a folder, a list, or a `sources.lock`.
        data: where tables go.
        engine: where files are looked at.
        result_cache: where finished results are kept.
        takedowns: what `mova takedown` wrote of this project; a file of those bytes is rejected under any name.

    Returns:
        Counts for people and machines.

    Raises:
        UsageError: the footage is missing or empty, or the sidecar of the whole folder is broken.
        StaleError: `takedowns` cannot be read.
    """
    engine = engine.with_resources(params.engine.ingest)
    reasons = in_force(read_takedowns(takedowns))
    opened = Footage.open(footage)
    of_all = folder_sidecar(opened, params.ingest.sidecar)
    tasks: dict[str, FileTask] = {}
    rows: dict[str, Row] = {}
    for entry in track(opened.entries, len(opened.entries), "fetch") if opened.fetched else opened.entries:
        try:
            if entry.problem:
                raise MediaError(*entry.problem)
            place, sidecar = opened.path_of(entry), opened.sidecar_path(entry)
            said = of_all.stated.get(entry.path, {})
            tasks[entry.path] = FileTask(place, entry, opened.locked, params.ingest, sidecar, said)
            rows[entry.path] = {"path": entry.path, "bytes": entry.bytes}
        except MediaError as error:
            rows[entry.path] = {"path": entry.path, "bytes": entry.bytes, **_rejected(error.code, error.reason)}
    sidecars: dict[str, str | None] = {}
    for path, task_result in _task_results(identify_file, tasks, engine, params.limits, "hash"):
        rows[path] |= _row(task_result)
        sidecars[path] = rows[path].pop("sidecar_sha256", None)
        if hashed := rows[path].pop("hashed", None):
            tasks[path] = replace(tasks[path], source_id=rows[path]["source_id"], hashed=FileState(*hashed))
    for row in rows.values():
        if (why := reasons.get(row.get("source_id") or "")) is not None:
            row |= _rejected(TAKEN_DOWN, f"taken down: {why}")
    conflicts = reject_duplicates(rows)
    distinct = {path: tasks[path] for path, row in rows.items() if "verdict" not in row}
    how = (params.ingest.head_s, params.ingest.max_pixels)  # where the footage lies changes nothing of it
    keys = {path: sha256_json(how, task.source_id) for path, task in distinct.items()}
    kept = ResultCache.of_stage(STAGE, result_cache)
    new = sum(kept.get(key) is None for key in keys.values())
    for path, found in _kept(kept, distinct, keys, engine, params.limits):
        rows[path] |= found
        rows[path].setdefault("verdict", "accepted")
    summary = _written(list(rows.values()), sidecars_hash(rows.values(), sidecars, of_all.sha256), data)
    differs = since_last_run(result_cache, opened.store.address, rows)
    hidden = opened.hidden()
    write_text(data.hidden, json.dumps(hidden, ensure_ascii=False, indent=1) + "\n")
    summary["text"] += differs.lines("the last run") + skipped_line(hidden)
    summary["text"] += "".join(f"\n          {sentence}" for sentence in conflicts)
    return summary | {"examined": new, **differs.lists(), "hidden": len(hidden), "conflicts": conflicts}


def identify_file(task: FileTask) -> Row:
    """Hash a file and read its sidecar.

    Returns:
        The columns source_id, bytes, and those that sidecars state; `sidecar_sha256`, and `hashed`: the file's state.

    Raises:
        MediaError: it cannot be read, its sidecar is broken, or it is not what was locked (`changed_since_locked`).
        StaleError: it is written while it is read.
    """
    sha256, hashed = identify(task.path)
    row: Row = {"source_id": sha256, "bytes": hashed.bytes, "hashed": list(hashed)}
    try:
        if task.locked:
            _check_lock(task, sha256, hashed.bytes)
        said = sidecar_bytes(task.sidecar)
        row["sidecar_sha256"] = None if said is None else hashlib.sha256(said).hexdigest()
        if task.locked and row["sidecar_sha256"] != task.entry.sidecar_sha256:
            raise MediaError("changed_since_locked", "its sidecar is not the one that was locked: lock it again")
        own = stated_columns(parsed_sidecar(said))
    except MediaError as error:
        return {**row, **_rejected(error.code, error.reason)}
    return {**row, **{column: own[column] or task.stated.get(column) for column in own}}


def examine_file(task: FileTask) -> Row:
    """Probe a file: the media columns of `sources`, or the reason why it cannot be used.

    Raises:
        StaleError: it is not the file that was hashed.
    """
    from mova_core.media.probe import probe

    with reading(task.path, task.source_id, task.hashed):
        try:
            return asdict(probe(task.path, head_s=task.params.head_s, max_pixels=task.params.max_pixels))
        except MediaError as error:
            return _rejected(error.code, error.reason)


def _check_lock(task: FileTask, sha256: str, size: int) -> None:
    entry = task.entry
    if sha256 != entry.sha256 and task.path.name == entry.sha256:  # a copy of an object, named by what it held
        raise MediaError("damaged_copy", f"its copy in the cache is damaged: delete the file {task.path.name} there")
    if size != entry.bytes:
        raise MediaError("changed_since_locked", f"{size} bytes, {entry.bytes} when it was locked: lock it again")
    if sha256 != entry.sha256:
        raise MediaError("changed_since_locked", "other bytes than when it was locked: lock it again")


def _kept(
    result_cache: ResultCache, tasks: dict[str, FileTask], keys: dict[str, str], engine: Engine, limits: Limits
) -> Iterator[tuple[str, Row]]:
    """What each file turned out to be: taken over from an earlier run, or found out now and kept."""
    pending = {}
    for path, task in tasks.items():
        found = result_cache.get(keys[path])
        if found is None:
            pending[path] = task
        else:
            yield path, found
    for path, task_result in _task_results(examine_file, pending, engine, limits, STAGE):
        if not task_result.failed:  # a time or memory limit may not strike again
            result_cache.put(keys[path], task_result.value)
        yield path, _row(task_result)


def _task_results(
    function: Callable[[FileTask], Row], tasks: dict[str, FileTask], engine: Engine, limits: Limits, label: str
) -> Iterator[tuple[str, TaskResult]]:
    if not tasks:
        return
    task_results = run(function, tasks.values(), engine=engine, limits=limits, preload=("mova_core.media.probe",))
    yield from zip(tasks, track(task_results, total=len(tasks), label=label), strict=True)


def _row(task_result: TaskResult) -> Row:
    if task_result.failed:
        return _rejected(task_result.reason_code, task_result.reason)
    found: Row = task_result.value
    return found


def _rejected(code: str | None, reason: str | None) -> Row:
    return {"verdict": "rejected", "reason_code": code, "reason": reason}


def _written(rows: list[Row], sidecars: str, data: DataFolder) -> dict[str, Any]:
    rejected = [row for row in rows if row["verdict"] == "rejected"]
    write_table(
        data.rejects(STAGE),
        "rejects",
        (
            {"table": "sources", "id": row["path"], "stage": STAGE}
            | {key: row[key] for key in ("reason_code", "reason")}
            for row in rejected
        ),
    )
    write_table(data.table("sources"), "sources", rows, {SIDECARS: sidecars, "rejects": data.rejects(STAGE)})
    duration_s = sum(row["duration_s"] for row in rows if row["verdict"] == "accepted")
    reasons = dict(sorted(Counter(row["reason_code"] for row in rejected).items()))
    return {
        "files": len(rows),
        "accepted": len(rows) - len(rejected),
        "rejected": len(rejected),
        "duration_s": duration_s,
        "reasons": reasons,
        "text": _sentence(len(rows), len(rejected), duration_s, reasons),
    }


def _sentence(files: int, rejected: int, duration_s: float, reasons: dict[str, int]) -> str:
    minutes, seconds = divmod(round(duration_s), 60)
    text = f"{files} files, {files - rejected} accepted: {minutes} min {seconds:02d} s of footage"
    if reasons:
        text += "\n          rejected: " + " · ".join(f"{count} {code}" for code, count in reasons.items())
    return text
