"""The evaluation of one model of a phase: generate the suite (averaged weights) and measure its clips.

    metrics.json     what the registry and `select` read; written last
    samples/*.mp4    a few clips to look at
    clips.jsonl, against.jsonl, clips.csv, values.json    as `scoring/files.py` says; the reference is validation clips
The same weights, params and data give the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mova_core.evaluation.decodable import decodable_share
from mova_core.evaluation.loss_gains import loss_gains
from mova_core.evaluation.measure import entry, in_order, measure
from mova_core.evaluation.measuring.rounding import rounded
from mova_core.evaluation.memorisation import memorisation
from mova_core.evaluation.metrics.sync import events_of
from mova_core.evaluation.over_shuffled import over_shuffled
from mova_core.evaluation.phase_inputs import PhaseInputs
from mova_core.evaluation.scoring.files import write_scores
from mova_core.evaluation.scoring.scored import scored_clips
from mova_core.evaluation.suites.generate import generate_suite
from mova_core.evaluation.suites.suite import Suite
from mova_core.evaluation.sweeps.bridge_scales import gains_of_clips, sweep, sync_gain
from mova_core.geometry import ClipGeometry
from mova_core.measures.clip import Clip
from mova_core.media.provenance import Provenance, write_provenance
from mova_core.model.model_folder import Components
from mova_core.registry.manifests import Metric
from mova_core.sampling.clip_file import write_clip
from mova_core.sampling.clip_generator import ClipGenerator

SAMPLES_FOLDER = "samples"


@dataclass(frozen=True, slots=True)
class EvaluatedModel:
    """A model to evaluate, wherever its weights come from.

    Args:
        checkpoint_id: of its weights.
        components: the model.
        losses: metrics that only its training knows: `validation_loss`.
        run: fingerprint of the run that it is of; None for one that is not the project's present one.
    """

    checkpoint_id: str
    components: Components
    losses: Mapping[str, Metric]
    run: str | None = None


def evaluate_model(model: EvaluatedModel, inputs: PhaseInputs, folder: Path, label: str = "evaluate") -> dict[str, Any]:
    """Generate the suite of a phase and measure its clips; to be called inside `single_thread`.

    Args:
        model: what generates.
        inputs: what it is evaluated with.
        folder: that is being made, to write to.
        label: of the progress bar.

    Returns:
        What metrics.json holds: of the sweep only what `sync_gain` needs, and no clips of tasks.

    Raises:
        MovaError: velocities that are not finite, or metrics that are not those of the catalogue.
    """
    phase, section, geometry, context = inputs.phase, inputs.section, inputs.geometry, inputs.context
    generator = ClipGenerator.of(model.components, inputs.params.generate)
    default_scale = generator.defaults.bridge_guidance_scale
    # Phase audio trains the audio tower alone: without the Bridge, the untrained video has no part in the audio.
    changes: dict[str, Any] = {} if phase.joint else {"bridge": False}
    clips = generate_suite(generator, inputs.suite, section, geometry, f"{label}@{phase.name}", changes)
    measured = measure(clips, context, inputs.unavailable, section)
    gain = "sync_gain" not in inputs.unavailable
    points = sweep(generator, inputs, {None, default_scale}, label) if gain else []
    metrics = measured.metrics
    over = over_shuffled(clips, context, inputs.unavailable, section)
    metrics |= {name: each.metric for name, each in over.items()}
    metrics |= memorisation(clips, model.components, phase, inputs.params, inputs.places)
    metrics["sync_gain"] = (
        sync_gain(points, default_scale) if gain else entry("sync_gain", unavailable=inputs.unavailable["sync_gain"])
    )
    metrics |= model.losses
    metrics |= loss_gains(model.components.towers, model.run, inputs.start, section)
    settings = generator.defaults.changed(**changes, retries=0).model_dump(mode="json")  # each clip is of its own seed
    settings = {"geometry": geometry.name, "bootstrap_samples": section.bootstrap_samples, **settings}
    samples = _write_samples(folder, inputs.suite, clips[: section.samples], geometry, generator.defaults.enlarge)
    for sample in samples:
        write_provenance(folder / sample["path"], Provenance(model.checkpoint_id))
    paths = [folder / sample["path"] for sample in samples]
    metrics["decodable_share"] = decodable_share(paths, geometry, section)
    result: dict[str, Any] = rounded(
        {
            "phase": phase.name,
            "checkpoint_id": model.checkpoint_id,
            "suite": inputs.suite.described(settings),
            "metrics": {name: metric.model_dump() for name, metric in in_order(metrics).items()},
            "sweep": [point.described() for point in points],
            "samples": samples,
            "tasks": [],
        }
    )
    both = {name: each.of_clips for name, each in over.items() if each.of_clips}
    both |= {"sync_gain": gains_of_clips(points, default_scale)} if gain else {}
    generated = [
        replace(clip, differences={name: pairs[index] for name, pairs in both.items()})
        for index, clip in enumerate(scored_clips(clips, measured.clips, paths))
    ]
    return write_scores(folder, result, generated, scored_clips(context.clips, measured.reference))


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
