"""Contract of `evaluation`: what was measured of each phase, before a model is chosen or promoted by it.

Evaluations and runs lie beside the data folder: `reports/evaluation/PHASE/metrics.json`, `runs/PHASE/manifest.json`.
Their form (words, ids, no NaN) is settled by reading them (`mova_core.registry.manifests`), what they say here.
"""

from collections.abc import Mapping
from math import inf, isfinite
from pathlib import Path
from typing import Any

from data_contracts.contract import Contract, View, rows_of, where_stated
from data_contracts.expectations import Expectation, ExpectNoFault, ExpectOneOf, ExpectRows, ExpectUnique
from mova_core.errors import UsageError
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.gates import judge
from mova_core.evaluation.suites.suite import SUITE_OF
from mova_core.params import Params
from mova_core.places import EVALUATIONS, RUNS, DataFolder
from mova_core.registry.manifests import METRICS_FILE, EvaluationManifest, Metric, RunManifest, Suite
from mova_core.storage.manifest import MANIFEST_FILE, Manifest, read_manifest
from mova_core.training.recipe import PHASES

FIRST_PHASE = next(iter(PHASES))

NUMBERS = ("value", "low", "high", "shuffled", "data")
METRIC_COLUMNS = (
    *("name", "where", "phase", "metric", *NUMBERS, "better", "unavailable"),
    *("unknown", "value_fault", "range_fault", "interval_fault", "outside", "better_fault", "shuffled_fault"),
)
PHASE_COLUMNS = (
    *("phase", "where", "checkpoint_id", "clips", "missing", "folder_fault", "checkpoint_fault", "lost"),
    *("seeds_fault", "sweep_fault", "footage_fault", "suite_fault", "samples_fault"),
)


class SweepEntry(Manifest):
    """The suite at one Bridge guidance scale; None with the Bridge off."""

    bridge_guidance_scale: float | None
    bridge: bool


class Sample(Manifest):
    """A clip to look at, its path from the evaluation's folder."""

    path: str


class Evaluation(EvaluationManifest):
    """What this contract reads of a metrics.json."""

    sweep: list[SweepEntry]
    samples: list[Sample]


def evaluation(data: DataFolder, params: Params) -> Contract:
    """The contract over the evaluations of all phases, and the runs they are of.

    Raises:
        UsageError: no phase is evaluated.
        StaleError: an evaluation or a run's manifest is not of the form that this version writes.
    """
    project = data.root.parent
    paths = {
        path.parent.name: path
        for path in sorted((project / EVALUATIONS).glob(f"[!.]*/{METRICS_FILE}"))  # a dot: an unfinished one
    }
    if not paths:
        raise UsageError(f"{project / EVALUATIONS} holds no evaluation: run `mova evaluate {FIRST_PHASE}` first")
    run_paths = {name: path for name in PHASES if (path := project / RUNS / name / MANIFEST_FILE).is_file()}
    evaluations = {name: read_manifest(path, Evaluation)[0] for name, path in paths.items()}
    runs = {name: read_manifest(path, RunManifest)[0] for name, path in run_paths.items()}
    return Contract(
        table="evaluation",
        views=(_by_metric(evaluations), _by_phase(evaluations, runs, paths, params)),
        files={
            **{f"evaluation/{name}/{METRICS_FILE}": path for name, path in paths.items()},
            **{(RUNS / name / MANIFEST_FILE).as_posix(): path for name, path in run_paths.items()},
        },
    )


def _by_metric(evaluations: Mapping[str, Evaluation]) -> View:
    rows = [
        _metric_row(each.phase, name, metric) | {"where": _where(folder)}
        for folder, each in evaluations.items()
        for name, metric in each.metrics.items()
    ]
    return View("evaluation", "metric", rows_of(rows, METRIC_COLUMNS), "name", where_stated, tuple(_metric_rules()))


def _metric_row(phase: str, name: str, metric: Metric) -> dict[str, Any]:
    numbers = {key: number for key in NUMBERS if (number := getattr(metric, key)) is not None}
    low, high = CATALOGUE[name].range if name in CATALOGUE else (-inf, inf)
    wrong = [f"{key} {number:g}" for key, number in numbers.items() if not low <= number <= high]
    return {
        **metric.model_dump(),
        "name": f"{phase}/{name}",
        "phase": phase,
        "metric": name,
        "unknown": None if name in CATALOGUE else name,
        "value_fault": _value_fault(metric, numbers),
        "range_fault": ", ".join(wrong) or None,
        "interval_fault": _interval_fault(metric.low, metric.high),
        "outside": _outside(metric),
        "better_fault": _better_fault(name, metric),
        "shuffled_fault": _shuffled_fault(metric) if name == "event_f1" else None,
    }


def _value_fault(metric: Metric, numbers: Mapping[str, float]) -> str | None:
    if metric.value is None:
        told = [f"a {key} without a value" for key in ("low", "high") if key in numbers]
        return (
            ", ".join([*told, *(["no value and no reason"] if not (metric.unavailable or "").strip() else [])]) or None
        )
    if metric.unavailable is not None:
        return f"unavailable, yet {metric.value:g}"
    return ", ".join(f"{key} {number:g}" for key, number in numbers.items() if not isfinite(number)) or None


def _better_fault(name: str, metric: Metric) -> str | None:
    if name not in CATALOGUE or CATALOGUE[name].better == metric.better:
        return None
    return f"{metric.better}, in the catalogue {CATALOGUE[name].better}"


def _interval_fault(low: float | None, high: float | None) -> str | None:
    if low is None or high is None:
        return None if low is high else "an interval with one end"
    return None if low <= high else f"{low:g} to {high:g}"


def _outside(metric: Metric) -> str | None:
    if metric.value is None or metric.low is None or metric.high is None or metric.low <= metric.value <= metric.high:
        return None
    return f"{metric.value:g}, its interval {metric.low:g} to {metric.high:g}"


def _shuffled_fault(metric: Metric) -> str | None:
    if metric.shuffled is None or metric.data is None or metric.shuffled < metric.data:
        return None
    return f"shuffled {metric.shuffled:g}, data {metric.data:g}"


def _metric_rules() -> list[Expectation]:
    gates = "A gate compares the value with its limit, promotion compares intervals (mova_core/evaluation/gates.py)."
    return [
        ExpectRows.of("metric", "Without one there is nothing to judge a model by."),
        ExpectUnique.of("name", "metric", "Two values of one metric: nobody knows which one the gate has seen."),
        ExpectNoFault.of(
            "unknown",
            "every metric is one of mova_core/evaluation/catalogue.py",
            "Nobody knows what another one means, nor in which direction it is better.",
        ),
        ExpectNoFault.of(
            "value_fault",
            "every metric has a finite value, or says why it is unavailable",
            "Unavailable is never zero: a gate that needs it fails closed.",
        ),
        ExpectNoFault.of(
            "range_fault",
            "shares and F1 are from 0 to 1, their differences from -1 to 1, times, errors and losses at least 0",
            gates,
        ),
        ExpectNoFault.of("interval_fault", "every interval has two ends, the lower one first", gates),
        ExpectNoFault.of(
            "better_fault",
            "better is the direction that the catalogue of metrics states",
            "Promotion would take the worse model for the better one.",
        ),
        ExpectNoFault.better(
            "outside",
            "every value lies within its interval",
            "A bootstrap over the same clips rarely leaves it: the interval may be of other clips.",
        ),
        ExpectNoFault.better(
            "shuffled_fault",
            "event F1 of wrongly paired clips is below that of the data",
            "Else the metric cannot tell what is in step from what is not.",
        ),
    ]


def _by_phase(
    evaluations: Mapping[str, Evaluation], runs: Mapping[str, RunManifest], paths: Mapping[str, Path], params: Params
) -> View:
    due = [name for name in PHASES if name == FIRST_PHASE or name in runs or name in evaluations]
    folders = [*due, *(name for name in evaluations if name not in PHASES)]
    other_suite = _suite_faults(evaluations, params)
    rows = []
    for folder in folders:
        row: dict[str, Any] = dict.fromkeys(PHASE_COLUMNS) | {"phase": folder, "where": _where(folder)}
        if folder not in evaluations:
            row["missing"] = "no evaluation"
        else:
            each = evaluations[folder]
            row |= _phase_row(folder, each, runs.get(folder), params)
            row |= {"suite_fault": other_suite.get(folder), "samples_fault": _samples_fault(each, paths[folder].parent)}
        rows.append(row)
    by_phase = rows_of(rows, PHASE_COLUMNS)
    return View("evaluation by phase", "phase", by_phase, "phase", where_stated, tuple(_phase_rules()))


def _phase_row(folder: str, each: Evaluation, run: RunManifest | None, params: Params) -> dict[str, Any]:
    lost = [name for name in sorted(_gates(folder, params)) if name not in each.metrics]
    joint = folder in PHASES and PHASES[folder].joint
    return {
        "checkpoint_id": each.checkpoint_id,
        "clips": each.suite.clips,
        "folder_fault": None if each.phase == folder else f"of phase {each.phase}",
        "checkpoint_fault": _checkpoint_fault(each, run),
        "lost": f"no {', '.join(lost)}" if lost else None,
        "seeds_fault": _seeds_fault(each.suite),
        "sweep_fault": _sweep_fault(each, params) if joint else None,
        "footage_fault": None if each.suite.name == SUITE_OF[params.evaluate.footage] else f"suite {each.suite.name}",
    }


def _checkpoint_fault(each: Evaluation, run: RunManifest | None) -> str | None:
    if run is None or not run.checkpoints:
        return None
    kept = [checkpoint.id for checkpoint in run.checkpoints]
    return None if each.checkpoint_id in kept else f"of {each.checkpoint_id}, the run keeps {', '.join(kept)}"


def _seeds_fault(suite: Suite) -> str | None:
    seeds = suite.seeds if isinstance(suite.seeds, list) else [suite.seeds]
    if not 0 < suite.clips == len(seeds):
        return f"{len(seeds)} seeds for {suite.clips} clips"
    return None if len(set(seeds)) == len(seeds) else f"{len(seeds) - len(set(seeds))} seeds used again"


def _sweep_fault(each: Evaluation, params: Params) -> str | None:
    asked = sorted({*params.evaluate.sweep, params.generate.bridge_guidance_scale})
    found = [entry.bridge_guidance_scale if entry.bridge else None for entry in each.sweep]
    wrong = [] if found.count(None) == 1 else [f"{found.count(None)} with the Bridge off"]
    wrong += [f"{found.count(scale)} at scale {scale:g}" for scale in asked if found.count(scale) != 1]
    return ", ".join(wrong) or None


def _suite_faults(evaluations: Mapping[str, Evaluation], params: Params) -> dict[str, str]:
    """Joint phases whose suite differs from an earlier one's; settings count where the geometry is the same."""
    faults: dict[str, str] = {}
    joint = [name for name, phase in PHASES.items() if phase.joint and name in evaluations]
    for index, name in enumerate(joint):
        for earlier in joint[:index]:
            one, other = evaluations[name].suite, evaluations[earlier].suite
            same_geometry = PHASES[name].geometry(params) == PHASES[earlier].geometry(params)
            if (one.name, one.seeds) != (other.name, other.seeds):
                faults.setdefault(name, f"other clips than {earlier}")
            elif same_geometry and one.sha256 != other.sha256:
                faults.setdefault(name, f"other texts or settings than {earlier}")
    return faults


def _samples_fault(each: Evaluation, folder: Path) -> str | None:
    lost = [sample.path for sample in each.samples if not (folder / sample.path).is_file()]
    return f"no {', '.join(lost)}" if lost else None


def _phase_rules() -> list[Expectation]:
    judged = "A gate would judge, and the registry record, another model than the one that is handed on."
    return [
        ExpectNoFault.of(
            "missing",
            f"{FIRST_PHASE} and every phase with a finished run is evaluated",
            "Nothing is handed on unmeasured.",
        ),
        ExpectOneOf.of("phase", list(PHASES), "evaluation", "There are four phases."),
        ExpectNoFault.of("folder_fault", "every evaluation lies in the folder of its phase", judged),
        ExpectNoFault.of("checkpoint_fault", "every evaluation is of a checkpoint that its run keeps", judged),
        ExpectNoFault.of(
            "lost",
            "every metric that a gate asks for is there, if only as unavailable",
            "Nothing disappears: what is missing without a reason cannot be looked into.",
        ),
        ExpectNoFault.of(
            "seeds_fault",
            "every clip of a suite has a seed of its own",
            "A clip counted twice makes intervals narrower than they are.",
        ),
        ExpectNoFault.of(
            "sweep_fault",
            "every joint phase is swept once at each Bridge scale of the params, and once with the Bridge off",
            "The gain that a gate judges is over v(T,0); scale 0 is no such control (MOVA report, dual CFG).",
        ),
        ExpectNoFault.of(
            "footage_fault",
            "every phase is measured on the suite that evaluate.footage asks for",
            "The gates of one kind of footage ask for what the suite of the other never measures.",
        ),
        ExpectNoFault.better(
            "suite_fault",
            "the joint phases are measured on the same suite, those of one geometry at the same settings",
            "Else their numbers do not compare.",
        ),
        ExpectNoFault.better(
            "samples_fault", "every sample clip is there", "The report shows them, and a person looks at them."
        ),
    ]


def _gates(phase: str, params: Params) -> set[str]:
    """Metrics that a gate of this phase asks for."""
    if phase not in PHASES:
        return set()
    return {gate.name for gate in judge(phase, params.evaluate.footage, params.select, {})}


def _where(folder: str) -> str:
    return f"{EVALUATIONS.as_posix()}/{folder}/{METRICS_FILE}"
