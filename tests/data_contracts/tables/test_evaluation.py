"""Each expectation of `evaluation` can fail: its numbers, its suites, and both against runs and params."""

import json
from copy import deepcopy

import pytest

from mova_core.errors import StaleError, UsageError
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measuring.metric import Need
from mova_core.params import Params
from mova_core.storage.hashing import sha256_file
from mova_core.training.recipe import PHASES

JOINT = ("phase1", "phase2", "phase3")
ALONE = "phase audio trains the audio tower alone"
ONCE = "no two metrics share a name"
VALUE = "every metric has a finite value, or says why it is unavailable"
RANGE = "shares and F1 are from 0 to 1, their differences from -1 to 1, times, errors and losses at least 0"
UNKNOWN = "every metric is one of mova_core/evaluation/catalogue.py"
INTERVAL = "every interval has two ends, the lower one first"
BETTER = "better is the direction that the catalogue of metrics states"
OUTSIDE = "every value lies within its interval"
SHUFFLED = "event F1 of wrongly paired clips is below that of the data"
EVALUATED = "audio and every phase with a finished run is evaluated"
PHASE = "phase is audio, phase1, phase2 or phase3 for every evaluation"
FOLDER = "every evaluation lies in the folder of its phase"
CHECKPOINT = "every evaluation is of a checkpoint that its run keeps"
LOST = "every metric that a gate asks for is there, if only as unavailable"
SEEDS = "every clip of a suite has a seed of its own"
SWEEP = "every joint phase is swept once at each Bridge scale of the params, and once with the Bridge off"
FOOTAGE = "every phase is measured on the suite that evaluate.footage asks for"
SUITE = "the joint phases are measured on the same suite, those of one geometry at the same settings"
SAMPLES = "every sample clip is there"
EMPTY = {"there is at least one metric", LOST}

NO_INTERVAL = {"low": None, "high": None}
METRICS_SPOILED = [  # a metric of its own each
    ("phase1", "event_f1", {"value": None}, {VALUE}),
    ("phase1", "video_class", {"value": None, **NO_INTERVAL, "unavailable": "  "}, {VALUE}),
    ("phase2", "video_class", {"value": None, **NO_INTERVAL, "unavailable": "no clip"}, set()),
    ("phase1", "sync_gain", {"value": 0.0, **NO_INTERVAL, "unavailable": "no event"}, {VALUE}),
    ("phase1", "validation_loss", {"value": float("inf"), **NO_INTERVAL}, {VALUE}),
    ("phase1", "audio_class", {"value": 1.2, "high": 1.2}, {RANGE}),
    ("phase1", "av_align", {"data": -0.1}, {RANGE}),
    ("phase2", "sync_gain", {"low": -1.5}, {RANGE}),
    ("phase3", "sync_gain", {"low": -0.5, "value": -0.2, "high": 0.1}, set()),
    ("phase1", "offset_s", {"low": -0.01}, {RANGE}),
    ("phase2", "audio_class", {"low": 0.95, "high": 0.5, "value": 0.7}, {INTERVAL, OUTSIDE}),
    ("phase3", "audio_class", {"high": None}, {INTERVAL}),
    ("phase1", "event_f1_over_shuffled", {"value": 0.2}, {OUTSIDE}),
    ("phase2", "event_f1_over_shuffled", {"better": "lower"}, {BETTER}),
    ("phase1", "desync_s", {"better": "higher"}, {BETTER}),
    ("phase2", "event_f1", {"shuffled": 0.98, "data": 0.97}, {SHUFFLED}),
    ("phase3", "event_f1", {"shuffled": None}, set()),
]
PHASES_SPOILED = [
    (
        {
            "audio": {"checkpoint_id": "0" * 16},
            "phase1": {"sweep": []},
            "phase2": {"suite": {"seeds": [7, 7, 8, 9]}},
            "phase3": {"samples": [{"path": "samples/07.mp4"}]},
        },
        {
            CHECKPOINT: {"audio"},
            SWEEP: {"phase1"},
            SEEDS: {"phase2"},
            SUITE: {"phase2", "phase3"},  # neither is that of the phase before
            SAMPLES: {"phase3"},
        },
    ),
    (
        {"audio": {"suite": {"clips": 5}}, "phase2": {"suite": {"sha256": "e" * 64}}},
        {SEEDS: {"audio"}, SUITE: {"phase2"}},
    ),
    ({"phase3": {"suite": {"name": "captions"}}}, {SUITE: {"phase3"}, FOOTAGE: {"phase3"}}),
    (
        {"phase3": {"phase": "phase2"}},
        {FOLDER: {"phase3"}, ONCE: {f"phase2/{name}" for name in CATALOGUE}},
    ),
]


def metric(name: str, phase: str) -> dict:
    spec = CATALOGUE[name]
    if phase == "audio" and Need.VIDEO in spec.needs:
        missing = dict.fromkeys(("value", "low", "high", "shuffled", "data"))
        return missing | {"better": spec.better, "unavailable": ALONE}
    least = spec.range[0] if spec.range[0] > 0.6 else 0.0  # opinions begin at 1
    numbers = {"value": 0.7, "low": 0.6, "high": 0.8, "shuffled": 0.2, "data": 0.97}
    numbers = {key: number + least for key, number in numbers.items()}
    return numbers | {"better": spec.better, "unavailable": None}


class Evaluations:
    """All four phases measured on four clips, each with its run."""

    def __init__(self, params: Params) -> None:
        scales = sorted({*params.evaluate.sweep, params.generate.bridge_guidance_scale})
        sweep = [{"bridge_guidance_scale": None, "bridge": False}]
        sweep += [{"bridge_guidance_scale": scale, "bridge": True} for scale in scales]
        self.metrics = {
            phase: {
                "phase": phase,
                "checkpoint_id": f"{number:016x}",
                "suite": {
                    "name": "synthetic",
                    "seeds": [90_000, 90_001, 90_002, 90_003],
                    "clips": 4,
                    "sha256": ("f" if phase == "phase3" else "d") * 64,
                },
                "metrics": {name: metric(name, phase) for name in CATALOGUE},
                "sweep": deepcopy(sweep) if phase in JOINT else [],
                "samples": [{"path": "samples/00.mp4"}],
            }
            for number, phase in enumerate(PHASES, 1)
        }
        self.runs = {phase: ["a" * 16, each["checkpoint_id"]] for phase, each in self.metrics.items()}

    def write(self, data) -> None:
        project = data.root.parent
        for folder, metrics in self.metrics.items():
            path = project / "reports/evaluation" / folder / "metrics.json"
            (path.parent / "samples").mkdir(parents=True)
            (path.parent / "samples/00.mp4").touch()
            # 1e999 is valid JSON and reads as infinity, which json itself would write as a word.
            path.write_text(json.dumps(metrics).replace("Infinity", "1e999"))
        for phase, ids in self.runs.items():
            path = project / "runs" / phase / "manifest.json"
            path.parent.mkdir(parents=True)
            checkpoints = [{"id": each, "step": 250 * step, "path": f"step-{step}"} for step, each in enumerate(ids, 1)]
            start = {"latents": {}, "start_checkpoint": None}
            path.write_text(
                json.dumps(
                    {"phase": phase, "run_id": "run", "params": {}, "code": "c", **start, "checkpoints": checkpoints}
                )
            )


@pytest.fixture
def evaluations(world):
    return Evaluations(world.params)


@pytest.fixture
def findings(evaluations, data, judged):
    """What does not hold, with the rows that break it, by sentence."""

    def of() -> dict[str, set[str]]:
        evaluations.write(data)
        return {
            finding.sentence: {row.id for row in finding.failing}
            for finding in judged("evaluation").findings
            if not finding.success
        }

    return of


def test_good_evaluations_hold_and_all_that_was_read_is_named(evaluations, data, judged):
    evaluations.write(data)
    result = judged("evaluation")
    assert (result.verdict, result.warnings) == ("ok", ())
    assert result.rows == 4 * len(CATALOGUE)
    project = data.root.parent
    assert result.files == {
        **{
            f"evaluation/{phase}/metrics.json": sha256_file(project / f"reports/evaluation/{phase}/metrics.json")
            for phase in PHASES
        },
        **{f"runs/{phase}/manifest.json": sha256_file(project / f"runs/{phase}/manifest.json") for phase in PHASES},
    }


def test_a_spoiled_metric_is_told(evaluations, findings):
    for phase, name, values, _ in METRICS_SPOILED:
        evaluations.metrics[phase]["metrics"][name] |= values
    found = findings()
    told = {
        f"{phase}/{name}": {sentence for sentence, rows in found.items() if f"{phase}/{name}" in rows}
        for phase, name, *_ in METRICS_SPOILED
    }
    assert told == {f"{phase}/{name}": broken for phase, name, _, broken in METRICS_SPOILED}
    assert set.union(*found.values()) == {name for name, broken in told.items() if broken}


@pytest.mark.parametrize(("spoiled", "expected"), PHASES_SPOILED)
def test_a_spoiled_evaluation_is_told(evaluations, findings, spoiled, expected):
    for phase, values in spoiled.items():
        metrics = evaluations.metrics[phase]
        metrics |= {"suite": metrics["suite"] | values["suite"]} if "suite" in values else values
    assert findings() == expected


def test_audio_and_each_phase_with_a_run_must_be_evaluated_another_need_not(evaluations, findings):
    for phase in ("audio", "phase2", "phase3"):
        del evaluations.metrics[phase]
    del evaluations.runs["audio"], evaluations.runs["phase3"]
    assert findings() == {EVALUATED: {"audio", "phase2"}}


def test_folders_of_no_phase_are_told_unfinished_ones_passed_over_and_lost_measures_told(evaluations, findings):
    evaluations.metrics[".tmp-0"] = deepcopy(evaluations.metrics["phase3"])
    evaluations.metrics["phase4"] = deepcopy(evaluations.metrics["phase3"]) | {"phase": "phase4"}
    del evaluations.metrics["phase3"]["metrics"]["desync_s"]
    assert findings() == {PHASE: {"phase4"}, LOST: {"phase3"}}


def test_a_lost_or_doubled_entry_of_the_sweep_is_told(evaluations, findings):
    control, *_, last = evaluations.metrics["phase1"]["sweep"]
    evaluations.metrics["phase1"]["sweep"].remove(control)
    evaluations.metrics["phase2"]["sweep"].remove(last)
    evaluations.metrics["phase3"]["sweep"].append(control)
    assert findings() == {SWEEP: {"phase1", "phase2", "phase3"}}


def test_no_metrics_at_all_are_broken(evaluations, findings):
    for each in evaluations.metrics.values():
        each["metrics"] = {}
    assert set(findings()) == EMPTY


def test_every_expectation_can_fail(evaluations, data, sentences):
    evaluations.write(data)
    spoiled = set.union(*(set(broken) for *_, broken in (*METRICS_SPOILED, *PHASES_SPOILED)), EMPTY)
    assert sentences("evaluation") <= spoiled | {EVALUATED, PHASE, UNKNOWN}


def test_a_metric_that_the_catalogue_does_not_have_is_told(evaluations, findings):
    evaluations.metrics["phase3"]["metrics"]["novelty"] = metric("event_f1", "phase3")
    assert findings() == {UNKNOWN: {"phase3/novelty"}}


def test_what_is_not_there_or_not_of_this_form_is_one_sentence(evaluations, data, judged):
    with pytest.raises(UsageError, match="mova evaluate audio"):
        judged("evaluation")
    evaluations.metrics["phase1"]["metrics"]["event_f1"]["better"] = "louder"
    evaluations.write(data)
    with pytest.raises(StaleError, match=r"metrics.event_f1.better"):
        judged("evaluation")
