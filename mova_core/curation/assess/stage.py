"""Measure every clip, accept or reject it, and say which training phases it qualifies for.

A clip is rejected by each limit of params.yaml (section assess) that it does not hold. A measure that is null was not
taken (`measure_groups.py` says why, or the clip's row does): no limit rejects the clip by it, but each phase whose
filters need it refuses the clip (`phase_filters.py`), and a clip that every phase refuses is rejected. ImageBind and
DeSync are one rule: one of them must hold, and it rejects when at least one was measured and none holds.
A clip that cannot be measured at all is rejected with the reason in place of a measure.
Source of rules and limits: MOVA report (arXiv:2602.08794), data curation, stage 2.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from mova_core.curation.assess.limits import rejections
from mova_core.curation.assess.measure_clip import STALE_CLIP, Row, Task, measure_clips
from mova_core.curation.assess.measure_groups import Measuring, measuring, unavailable_measures
from mova_core.curation.assess.phase_filters import refusals, refusing_phases, training_phases
from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run
from mova_core.curation.engine.worker import TaskResult
from mova_core.curation.tables import MEASURE_NAMES, read_table, write_table
from mova_core.errors import StaleError
from mova_core.measures import audio
from mova_core.params import Limits, Params
from mova_core.places import DataFolder
from mova_core.progress import track
from mova_core.storage.hashing import sha256_json
from mova_core.storage.result_cache import ResultCache

FILTERS_UNAVAILABLE = "filters_unavailable"  # reason code of a clip that every phase refuses
NAMED = 3  # unavailable measures named in the summary; the report names all
TASK_PIXELS = 5_000_000  # a worker's task: some 65 nano clips, or one large clip


def assess(params: Params, data: DataFolder, engine: Engine, result_cache: Path) -> dict[str, Any]:
    """Write `verdicts` with a row for every clip, and a reject for every rejected one.

    Raises:
        UsageError: a table is missing, or params ask for a measure that cannot be taken here or that no filter needs.
        StaleError: a clip's file is missing, or not the one that the table names.
    """
    chosen = measuring(params)
    clips = read_table(data.table("clips"), "clips")
    engine = engine.with_resources(params.engine.assess)
    speech = _speech_shares(clips, data)
    languages = {row["source_id"]: row["language"] for row in read_table(data.table("sources"), "sources")}
    tasks = _tasks(data, [clip | {"speech_share": speech[clip["clip_id"]]} for clip in clips], chosen)
    task_results = _measured(tasks, engine, params.limits, ResultCache.of_stage("assess", result_cache))
    measured = []
    for clip, task_result in track(zip(clips, task_results, strict=True), len(clips), "assess"):
        if task_result.reason_code == STALE_CLIP:  # no fault of the clip: no verdict may come of it
            raise StaleError(str(task_result.reason))
        measured.append(_measured_row(clip, task_result, speech[clip["clip_id"]], languages[clip["source_id"]]))
    verdicts = judge_clips(measured, params)

    rejects = [_reject(row) for row in verdicts if row["verdict"] == "rejected"]
    write_table(data.rejects("assess"), "rejects", rejects)
    inputs = {name: data.table(name) for name in ("clips", "windows", "segments", "sources")}
    write_table(data.table("verdicts"), "verdicts", verdicts, inputs | {"rejects": data.rejects("assess")})
    return summarise(verdicts, params)


def judge_clips(measured: Iterable[Row], params: Params) -> list[Row]:
    """Rows of `verdicts`: what each clip is rejected by, and the phases that the accepted ones qualify for together.

    Args:
        measured: rows with clip_id, measures, and `rejections` of which those stay that are about no measure (the clip
            could not be measured, and no limit helps that); stored rows of `verdicts` are judged anew.
        params: limits, and the preset whose phases count.
    """
    judged = []
    for row in measured:
        by_judging = (*MEASURE_NAMES, FILTERS_UNAVAILABLE)
        unmeasured = {code: reason for code, reason in row["rejections"].items() if code not in by_judging}
        judged.append(row | {"rejections": unmeasured or rejections(row, params.assess)})
    phases = training_phases(params.preset, [row for row in judged if not row["rejections"]], params.assess)
    return [_with_verdict(row, phases.get(row["clip_id"], []), params) for row in judged]


def _with_verdict(row: Row, phases: list[str], params: Params) -> Row:
    broken = row["rejections"]
    if not broken and not phases:
        missed = refusals(params.preset, params.assess, row)
        names = dict.fromkeys(measure for measures in missed.values() for measure in measures)
        broken = {
            FILTERS_UNAVAILABLE: f"no training phase takes a clip without {', '.join(names)}: make them available "
            "(`mova doctor` says how), or list them in params assess.allow_unavailable"
        }
    return row | {"rejections": broken, "verdict": "rejected" if broken else "accepted", "phases": phases}


def summarise(verdicts: list[Row], params: Params) -> dict[str, Any]:
    """Counts for machines, and `text` for people; `unavailable` is each measure that no clip has, with the reason."""
    rejected = [row for row in verdicts if row["verdict"] == "rejected"]
    reasons = Counter(next(iter(row["rejections"])) for row in rejected)
    told = unavailable_measures(params)
    nobody = [name for name in MEASURE_NAMES if verdicts and all(row.get(name) is None for row in verdicts)]
    unavailable = {name: told.get(name, "it could be measured on no clip") for name in nobody}
    closed = refusing_phases(params.preset, params.assess, unavailable)
    refused = refused_clips(verdicts, params)
    lines = [f"{len(verdicts) - len(rejected)} of {len(verdicts)} clips accepted"]
    if reasons:
        lines.append("rejected: " + " · ".join(f"{count} {code}" for code, count in reasons.most_common()))
    if unavailable:
        some = f"{', '.join(list(unavailable)[:NAMED])}{', …' if len(unavailable) > NAMED else ''}"
        lines.append(f"{len(unavailable)} unavailable: {some} (the report names all, `mova doctor` says why)")
    lines += [f"{phase} takes no clip: it needs {', '.join(needed)}" for phase, needed in closed.items()]
    lines += [
        f"{phase} refuses {count} clips whose filters are unavailable"
        for phase, count in refused.items()
        if phase not in closed
    ]
    return {
        "clips": len(verdicts),
        "accepted": len(verdicts) - len(rejected),
        "rejected": dict(reasons.most_common()),
        "phases": dict(Counter(phase for row in verdicts for phase in row["phases"])),
        "closed": closed,
        "refused": refused,
        "unavailable": unavailable,
        "text": "\n          ".join(lines),  # lined up behind the stage's name
    }


def refused_clips(verdicts: Iterable[Row], params: Params) -> dict[str, int]:
    """Phase -> clips within all limits that it refuses because a measure is unavailable that its filters need."""
    within = (row for row in verdicts if not set(row["rejections"]) - {FILTERS_UNAVAILABLE})
    return dict(Counter(phase for row in within for phase in refusals(params.preset, params.assess, row)))


def _tasks(data: DataFolder, clips: Iterable[Row], chosen: Measuring) -> list[Task]:
    """Consecutive clips of one size of work; the same whatever the engine, so that finished ones are found again."""
    folder = data.clips.resolve()
    tasks: list[list[Row]] = []
    room = 0
    for clip in clips:
        pixels = clip["frames"] * clip["width_px"] * clip["height_px"]
        if pixels > room:
            tasks.append([])
            room = TASK_PIXELS
        tasks[-1].append(clip)
        room -= pixels
    return [Task(folder, tuple(task), chosen) for task in tasks]


def _measured(tasks: list[Task], engine: Engine, limits: Limits, result_cache: ResultCache) -> Iterator[TaskResult]:
    """A result per clip whose value is its measures, in order; finished tasks are taken over from a run before."""
    preload = tasks[0].measuring.modules if tasks else ()
    keys = [_key(task) for task in tasks]
    finished = [result_cache.get(key) for key in keys]
    missing = [task for task, found in zip(tasks, finished, strict=True) if found is None]
    task_results = run(measure_clips, missing, engine=engine, limits=limits, preload=preload)
    for task, key, found in zip(tasks, keys, finished, strict=True):
        task_result = next(task_results) if found is None else TaskResult(found)
        if task_result.failed:  # one bad clip must not cost the others of its task: each alone
            alone = [replace(task, clips=(clip,)) for clip in task.clips]
            for single in run(measure_clips, alone, engine=engine, limits=limits, preload=preload):
                yield single if single.failed else TaskResult(single.value[0])
            continue
        if found is None:
            result_cache.put(key, task_result.value)
        yield from (TaskResult(measures) for measures in task_result.value)


def _key(task: Task) -> str:
    """What the measures of a task's clips follow from."""
    chosen = task.measuring
    clips = [[clip["sha256"], clip["speech_share"] if "speech" in chosen.groups else None] for clip in task.clips]
    models = [[model.module, model.sha256] for model in chosen.models]
    return sha256_json(clips, chosen.groups, models)


def _speech_shares(clips: Iterable[Row], data: DataFolder) -> dict[str, float | None]:
    """clip_id -> share of its window that lies in speech."""
    windows = {row["window_id"]: row for row in read_table(data.table("windows"), "windows")}
    speech = {row["source_id"]: row["speech_s"] for row in read_table(data.table("segments"), "segments")}
    shares: dict[str, float | None] = {}
    for clip in clips:
        window, spans = windows[clip["window_id"]], speech[clip["source_id"]]
        known = spans is not None
        shares[clip["clip_id"]] = audio.speech_share(window["start_s"], window["end_s"], spans) if known else None
    return shares


def _measured_row(clip: Row, task_result: TaskResult, speech: float | None, stated_language: str | None) -> Row:
    row: Row = {"clip_id": clip["clip_id"], **dict.fromkeys(MEASURE_NAMES), "speech_share": speech}
    if task_result.failed:
        return row | {"rejections": {str(task_result.reason_code): str(task_result.reason)}}
    measured = row | task_result.value | {"rejections": {}}
    if speech == 0 or stated_language is None:  # nothing here recognises a language
        reason = "nobody speaks" if speech == 0 else "no sidecar states the language of its file"
        return measured | {"language": None, "unavailable": (measured.get("unavailable") or {}) | {"language": reason}}
    return measured | {"language": stated_language}


def _reject(row: Row) -> Row:
    code = next(iter(row["rejections"]))
    reason = "; ".join(row["rejections"].values())
    return {"table": "clips", "id": row["clip_id"], "stage": "assess", "reason_code": code, "reason": reason}
