"""What is made of the chosen candidate alone: the other scales of the sweep, and clips of every task."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mova_core.evaluation.evaluate import SAMPLES_FOLDER, EvaluatedModel
from mova_core.evaluation.measuring.rounding import rounded
from mova_core.evaluation.phase_inputs import PhaseInputs
from mova_core.evaluation.scoring.files import write_metrics
from mova_core.evaluation.suites.captioned import CAPTION_OF
from mova_core.evaluation.suites.generate import generate_suite
from mova_core.evaluation.suites.suite import Suite
from mova_core.evaluation.sweeps.bridge_scales import sweep
from mova_core.evaluation.task_samples import TaskSample, generate_task_samples, write_task_samples
from mova_core.measures.clip import Clip
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.training.recipe import PHASES

TASKS_FOLDER = "tasks"
LAST_PHASE = list(PHASES.values())[-1]


def complete_evaluation(
    model: EvaluatedModel, inputs: PhaseInputs, folder: Path, result: Mapping[str, Any]
) -> dict[str, Any]:
    """Add them to an evaluation; to be called inside `single_thread`.

    Args:
        model: the chosen one.
        inputs: what it was evaluated with.
        folder: of its evaluation, which is being made.
        result: what its metrics.json holds.

    Returns:
        What metrics.json holds now.
    """
    phase, geometry = inputs.phase, inputs.geometry
    generator = ClipGenerator.of(model.components, inputs.params.generate)
    points, tasks = list(result["sweep"]), list[dict[str, Any]]()
    if phase.joint:
        swept = {point["bridge_guidance_scale"] for point in points}
        scales = {None, *inputs.section.sweep, generator.defaults.bridge_guidance_scale} - swept
        points += [rounded(point.described()) for point in sweep(generator, inputs, scales)]
        points.sort(key=lambda point: (point["bridge"], point["bridge_guidance_scale"] or 0.0))
    if phase is LAST_PHASE:
        given = inputs.context.clips or generate_suite(
            generator, inputs.suite.part(1), inputs.section, geometry, "evaluate/tasks", {}
        )
        if made := _task_samples(generator, inputs.suite, given):
            target = folder / SAMPLES_FOLDER / TASKS_FOLDER
            tasks = rounded(write_task_samples(target, made, geometry, generator.defaults.enlarge))
    completed = {**result, "sweep": points, "tasks": tasks}
    write_metrics(folder, completed)
    return completed


def _task_samples(generator: ClipGenerator, suite: Suite, clips: Sequence[Clip]) -> list[TaskSample]:
    """Clips of every task, from the first of these clips that is as long as the model's."""
    geometry = generator.defaults.clip_geometry
    shape = geometry.frames, geometry.audio_samples
    fitting = [clip for clip in clips if (len(clip.frames), len(clip.audio)) == shape]
    if not fitting:
        return []
    given = fitting[0]
    prompt = suite.prompts[0] if given.asked.label is None else CAPTION_OF[given.asked.label]
    return generate_task_samples(generator, given, prompt, suite.seeds[0])
