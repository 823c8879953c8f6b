"""What training, evaluation and selection left behind, phase by phase, read as it stands.

    runs/PHASE/curves.jsonl, samples/     of a finished run
    reports/evaluation/PHASE/metrics.json
    models/PHASE/selection.json
Nothing is measured here. What is not there is None, and `missing` names the command that makes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from mova_core.evaluation.catalogue import CATALOGUE, HEADLINE, SWEPT, SYNTHETIC
from mova_core.places import EVALUATIONS, MODELS, RUNS, SAMPLE_CLIPS_FILE, SAMPLES
from mova_core.registry.manifests import METRICS_FILE, SELECTION_FILE, EvaluationManifest, Selection
from mova_core.storage.manifest import MANIFEST_FILE, Manifest, read_manifest
from mova_core.training.curves import CURVES_FILE, learned, read_curves
from mova_core.training.recipe import PHASES, Phase


class SampleClip(Manifest):
    """A clip that an evaluation wrote to look at; times in seconds, None where events are not known."""

    path: str
    prompt: str
    seed: int
    video_events_s: list[float] | None = None
    audio_onsets_s: list[float] | None = None


class TaskClip(Manifest):
    """A clip of one task, a name of `CLIP_TASKS`, that an evaluation wrote to look at."""

    path: str
    task: str
    prompt: str
    seed: int


class TrainingSamples(Manifest):
    """Clips that a run made after so many steps; `folder` is where they lie."""

    step: int
    clips: list[SampleClip]
    folder: Path = Path()


class Level(Manifest):
    """A measure with its bootstrap interval; None where it cannot be measured."""

    value: float | None
    low: float | None
    high: float | None


class SweepEntry(Manifest):
    """The suite at one Bridge guidance scale; None: the Bridge off."""

    bridge_guidance_scale: float | None
    metrics: dict[str, Level]

    @property
    def name(self) -> str:
        return "off" if self.bridge_guidance_scale is None else f"{self.bridge_guidance_scale:g}"


class Evaluated(EvaluationManifest):
    """metrics.json, with what is there to look at."""

    sweep: list[SweepEntry]
    samples: list[SampleClip]
    tasks: list[TaskClip] = Field(default_factory=list)

    @property
    def synthetic(self) -> bool:
        """Whether the footage is synthetic, so that events and classes are known."""
        return self.suite.name == SYNTHETIC


@dataclass(frozen=True, slots=True)
class Missing:
    """What is not there, and the command that makes it."""

    what: str
    command: str


@dataclass(frozen=True, slots=True)
class PhaseReport:
    """All there is of one phase.

    Args:
        phase: which.
        curves: records of its finished run.
        evaluation: of the checkpoint that it chose.
        folder: where that evaluation lies.
        selection: the decision about the checkpoint of `evaluation`; one about another is left out.
        samples: clips that the finished run made while it trained, by step.
    """

    phase: Phase
    curves: list[dict[str, Any]] | None
    evaluation: Evaluated | None
    folder: Path
    selection: Selection | None
    samples: tuple[TrainingSamples, ...] = ()

    @property
    def missing(self) -> "Missing | None":
        """The first thing that is not there."""
        name = self.phase.name
        if self.curves is None:
            return Missing(f"{name} has no finished run", f"mova train {name}")
        if self.evaluation is None:
            return Missing(f"{name} is not evaluated", f"mova evaluate {name}")
        if self.selection is None:
            return Missing(f"the evaluation of {name} is not judged", f"mova select {name}")
        return None


def read_phases(project: Path) -> list[PhaseReport]:
    """Every phase in the order of training, those of which nothing is there included.

    Raises:
        StaleError: a file cannot be read.
    """
    return [_read(phase, project) for phase in PHASES.values()]


def last_evaluated(phases: Sequence[PhaseReport]) -> PhaseReport | None:
    """The phase whose clips are shown."""
    return next((each for each in reversed(phases) if each.evaluation is not None), None)


def headline(phase: Phase, evaluation: Evaluated) -> str:
    """What a phase's model does, in one sentence."""
    if not evaluation.synthetic:
        shares = (("decodable_share", "decode"), ("audible_share", "are audible"))
        found = [(evaluation.metrics[name].value, words) for name, words in shares if name in evaluation.metrics]
        said = ", ".join(f"{value:.0%} {words}" for value, words in found if value is not None)
        unknown = "how well video and audio agree cannot be measured on this footage"
        return f"{phase.name}: {f'of its clips {said}; ' if said else ''}{unknown}."
    name, what = ("event_f1", "video and audio agree on {} of events")
    if not phase.joint:
        name, what = ("audio_class", "the audio is of the asked class in {} of clips")
    metric = evaluation.metrics.get(name)
    if metric is None or metric.value is None:
        reason = metric.unavailable if metric else "not measured"
        return f"{phase.name}: {what.format('an unknown share')} ({reason})."
    levels = (("shuffled pairs", metric.shuffled), ("data", metric.data))
    beside = ", ".join(f"{word} {value:.0%}" for word, value in levels if value is not None)
    return f"{phase.name}: {what.format(f'{metric.value:.0%}')}{f'; {beside}' if beside else ''}."


def verdict(report: PhaseReport) -> str:
    """The decision in one sentence; empty where there is none."""
    selection, evaluation = report.selection, report.evaluation
    if selection is None or evaluation is None:
        return ""
    failed = [gate for gate in selection.gates if not gate.passed]
    count = len(selection.gates)
    if selection.passed:
        return f"{report.phase.name} passes {f'all {count} gates' if count > 1 else 'its gate'}."
    words = []
    for gate in failed:
        metric = evaluation.metrics.get(gate.name)
        bound = "at most" if metric is not None and metric.better == "lower" else "at least"
        got = "unavailable" if gate.value is None else f"{gate.value:.3f}"
        if gate.low is not None:
            bound, got = "an interval above", f"{got} (from {gate.low:.3f})"
        words.append(f"{gate.name} {got}, {bound} {gate.limit:g} is asked")
    return f"{report.phase.name} fails {len(failed)} of {count} gates and hands no model on: {'; '.join(words)}."


def figures(phases: Sequence[PhaseReport]) -> dict[str, Any]:
    """The numbers of all evaluated phases and the last one's sweep; null is unavailable."""
    numbers: dict[str, Any] = {}
    for report in phases:
        if report.evaluation is not None:
            metrics = report.evaluation.metrics
            numbers[report.phase.name] = {name: metrics[name].value if name in metrics else None for name in CATALOGUE}
    last = last_evaluated(phases)
    if last is not None and last.evaluation is not None and last.evaluation.sweep:
        numbers["sweep"] = {
            entry.name: {name: entry.metrics[name].value for name in SWEPT if name in entry.metrics}
            for entry in last.evaluation.sweep
        }
    return numbers


def headline_figures(phases: Sequence[PhaseReport]) -> dict[str, float | None]:
    """A few numbers of the last evaluated phase, for `dvc metrics`; null is unavailable, {} before any evaluation."""
    last = last_evaluated(phases)
    if last is None or last.evaluation is None:
        return {}
    metrics = last.evaluation.metrics
    numbers = {name: metrics[name].value if name in metrics else None for name in (*HEADLINE, "validation_loss")}
    f1 = metrics.get("event_f1")
    numbers |= {"event_f1_shuffled": f1.shuffled if f1 else None, "event_f1_data": f1.data if f1 else None}
    judged = [gate for each in phases if each.selection is not None for gate in each.selection.gates]
    return numbers | {"gates": len(judged), "gates_failed": sum(not gate.passed for gate in judged)}


def _read(phase: Phase, project: Path) -> PhaseReport:
    run, folder = project / RUNS / phase.name, project / EVALUATIONS / phase.name
    curves, evaluation, selection, sha256 = None, None, None, None
    samples: tuple[TrainingSamples, ...] = ()
    if (run / MANIFEST_FILE).is_file():
        curves, samples = learned(read_curves(run / CURVES_FILE)), _samples(run)
    if (folder / METRICS_FILE).is_file():
        evaluation, sha256 = read_manifest(folder / METRICS_FILE, Evaluated)
    path = project / MODELS / phase.name / SELECTION_FILE
    if path.is_file():
        decision, _ = read_manifest(path, Selection)
        selection = decision if decision.evaluation_sha256 == sha256 else None
    return PhaseReport(phase, curves, evaluation, folder, selection, samples)


def _samples(run: Path) -> tuple[TrainingSamples, ...]:
    paths = sorted((run / SAMPLES).glob(f"*/{SAMPLE_CLIPS_FILE}"))
    read = [read_manifest(path, TrainingSamples)[0].model_copy(update={"folder": path.parent}) for path in paths]
    return tuple(sorted(read, key=lambda samples: samples.step))
