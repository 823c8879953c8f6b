"""`mova evaluate PHASE`: generate the suite from a run's last checkpoint (averaged weights) and measure its clips.

    metrics.json     what the registry and `select` read; written last
    samples/*.mp4    a few clips to look at; samples/tasks/*.mp4, after the last phase, one of every task
    clips.jsonl, against.jsonl, clips.csv, values.json    as `scoring/files.py` says; the reference is validation clips
The same weights, params and data give the same bytes.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mova_core.evaluation.availability import chosen_metrics, lacking_needs, unavailable_metrics
from mova_core.evaluation.candidate import last_candidate
from mova_core.evaluation.decodable import decodable_share
from mova_core.evaluation.measure import entry, event_f1_over_shuffled, in_order, measure
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import Need
from mova_core.evaluation.measuring.rounding import rounded
from mova_core.evaluation.metrics.sync import events_of
from mova_core.evaluation.scoring.files import write_scores
from mova_core.evaluation.scoring.scored import scored_clips
from mova_core.evaluation.suites.captioned import CAPTION_OF
from mova_core.evaluation.suites.generate import generate_suite
from mova_core.evaluation.suites.suite import Suite, suite_for
from mova_core.evaluation.suites.validation import validation_clips
from mova_core.evaluation.sweeps.bridge_scales import sweep, sync_gain
from mova_core.evaluation.task_samples import TaskSample, generate_task_samples, write_task_samples
from mova_core.evaluation.validation_loss import validation_loss
from mova_core.geometry import ClipGeometry
from mova_core.measures.clip import Clip
from mova_core.measures.models.table import configured_models
from mova_core.media.provenance import Provenance, write_provenance
from mova_core.model.model_folder import Components
from mova_core.model.single_thread import single_thread
from mova_core.model.text.prompt import with_duration
from mova_core.params import Params
from mova_core.registry.manifests import Metric
from mova_core.sampling.clip_file import write_clip
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.storage.atomic_folder import atomic_folder
from mova_core.training.preflight import Places
from mova_core.training.recipe import PHASES, Phase

SAMPLES_FOLDER = "samples"
TASKS_FOLDER = "tasks"
LAST_PHASE = list(PHASES.values())[-1]


def evaluate(phase: Phase, params: Params, places: Places, reports: Path) -> dict[str, Any]:
    """Evaluate a phase's last checkpoint.

    Args:
        phase: which.
        params: all sections.
        places: where data and runs lie.
        reports: folder of evaluations; this one's is named by the phase.

    Returns:
        What metrics.json holds.

    Raises:
        UsageError, StaleError, MovaError: see `last_candidate` and `suite_for`; a model whose velocities are not
            finite; metrics that are not those of the catalogue.
    """
    candidate = last_candidate(phase, params, places)
    model = candidate.checkpoint.checkpoint_id, candidate.components
    loss, target = validation_loss(places.run(phase)), reports / phase.name
    return evaluate_model(*model, phase, params, places, loss, target)


def evaluate_model(
    checkpoint_id: str,
    components: Components,
    phase: Phase,
    params: Params,
    places: Places,
    loss: Metric,
    target: Path,
) -> dict[str, Any]:
    """Evaluate a model, wherever its weights come from.

    Args:
        checkpoint_id: of its weights.
        components: the model.
        phase: what it was trained in.
        params, places: as in `evaluate`.
        loss: its validation loss, which only training measures.
        target: the folder to write.

    Returns:
        What metrics.json holds.

    Raises:
        UsageError, StaleError, MovaError: as `evaluate`.
    """
    section, geometry = params.evaluate, phase.geometry(params)
    models = {model.name: model for model in configured_models(params.weights)}
    suite = suite_for(section, places.data)
    if not phase.joint:  # as the audio tower was trained
        suite = replace(suite, prompts=tuple(with_duration(prompt, geometry.duration_s) for prompt in suite.prompts))
    generator = ClipGenerator.of(components, params.generate)
    # Phase audio trains the audio tower alone: without the Bridge, the untrained video has no part in the audio.
    changes: dict[str, Any] = {} if phase.joint else {"bridge": False}
    normalize = phase.params(params.train).normalize_loudness
    with single_thread():
        clips = generate_suite(generator, suite, section, geometry, f"evaluate@{phase.name}", changes)
        held_out = validation_clips(params, section, geometry, places.data, normalize_loudness=normalize)
        context = Context(held_out, params.assess.lufs_above, models)
        unavailable = unavailable_metrics(_lacking(phase, clips, context), chosen_metrics(params), models)
        measured = measure(clips, context, unavailable, section)
        points = sweep(generator, suite, section, geometry, context, unavailable) if phase.joint else []
        of_tasks = _task_samples(generator, suite, held_out or clips) if phase is LAST_PHASE else []
    metrics = measured.metrics
    metrics["event_f1_over_shuffled"] = event_f1_over_shuffled(metrics["event_f1"], context)
    metrics["sync_gain"] = (
        entry("sync_gain", unavailable=unavailable["sync_gain"])
        if "sync_gain" in unavailable
        else sync_gain(points, generator.defaults.bridge_guidance_scale)
    )
    metrics["validation_loss"] = loss
    settings = generator.defaults.changed(**changes, retries=0).model_dump(mode="json")  # each clip is of its own seed
    settings = {"geometry": geometry.name, "bootstrap_samples": section.bootstrap_samples, **settings}
    with atomic_folder(target, replace=True) as temporary:
        samples = _write_samples(temporary, suite, clips[: section.samples], geometry, generator.defaults.enlarge)
        for sample in samples:
            write_provenance(temporary / sample["path"], Provenance(checkpoint_id))
        paths = [temporary / sample["path"] for sample in samples]
        tasks_folder = temporary / SAMPLES_FOLDER / TASKS_FOLDER
        tasks = write_task_samples(tasks_folder, of_tasks, geometry, generator.defaults.enlarge) if of_tasks else []
        metrics["decodable_share"] = decodable_share(paths, geometry, section)
        result = {
            "phase": phase.name,
            "checkpoint_id": checkpoint_id,
            "suite": suite.described(settings),
            "metrics": {name: metric.model_dump() for name, metric in in_order(metrics).items()},
            "sweep": [point.described() for point in points],
            "samples": samples,
            "tasks": tasks,
        }
        generated = scored_clips(clips, measured.clips, paths)
        write_scores(temporary, rounded(result), generated, scored_clips(held_out, measured.reference))
    return result


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


def _lacking(phase: Phase, clips: Sequence[Clip], context: Context) -> list[Need]:
    there = {Need.VIDEO} if phase.joint else set[Need]()
    if context.clips:
        there |= {Need.VALIDATION_CLIPS, Need.REFERENCE}
    return lacking_needs([clip.asked for clip in clips], there)


def _write_samples(
    folder: Path, suite: Suite, clips: Sequence[Clip], geometry: ClipGeometry, enlarge: int
) -> list[dict[str, Any]]:
    (folder / SAMPLES_FOLDER).mkdir()
    samples = []
    for index, clip in enumerate(clips):
        name = f"{SAMPLES_FOLDER}/{index:02d}.mp4"
        write_clip(folder / name, clip.frames, clip.audio, geometry, enlarge)
        sample: dict[str, Any] = {"path": name, "prompt": suite.prompts[index], "seed": suite.seeds[index]}
        if suite.synthetic:
            events, onsets = events_of(clip)
            sample |= {"video_events_s": events, "audio_onsets_s": onsets}
        samples.append(sample)
    return samples
