"""`mova evaluate PHASE`: generate the suite from a run's last checkpoint (averaged weights), measure it, write it down.

    metrics.json     what the registry and `select` read; written last
    samples/*.mp4    a few clips to look at
    sweep.svg        sync against the Bridge guidance scale, beside the report's Table 5
The same weights, params and data give the same bytes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.errors import MediaError, StaleError, UsageError
from mova_core.evaluation.metrics import (
    CLASS_METRICS,
    EVENT_METRICS,
    LOWER_IS_BETTER,
    ClipMetrics,
    clip_set_metrics,
    measure,
    shuffled_baseline,
)
from mova_core.evaluation.ratio_metric import RatioMetric, draw_clips, interval
from mova_core.evaluation.suite import LabelledClip, Suite, generate_suite, suite_for, validation_clips
from mova_core.evaluation.sweep import sweep
from mova_core.geometry import ClipGeometry
from mova_core.media.decode import Frame, decode
from mova_core.model.codecs.nano.codec import NanoCodec
from mova_core.model.dual_tower import DualTower
from mova_core.model.one_thread import one_thread
from mova_core.model.pretrained.folder import Components, nano_components
from mova_core.model.pretrained.index import read_json
from mova_core.params import Params
from mova_core.params.model import EvaluateParams, GenerateParams, TrainParams
from mova_core.registry.manifests import METRICS_FILE
from mova_core.reporting.phase_reports import Evaluated, headline
from mova_core.reporting.sweep_plot import PLOT_FILE, sweep_plot
from mova_core.sampling.clip_file import write_clip
from mova_core.sampling.pipeline import MovaPipeline
from mova_core.storage.atomic import write_text
from mova_core.storage.atomic_folder import atomic_folder
from mova_core.training.checkpoints import EMA_FOLDER, MANIFEST_FILE, Checkpoint, last_checkpoint
from mova_core.training.curves import CURVES_FILE, read_curves
from mova_core.training.phases import Phase
from mova_core.training.preflight import Places

DIGITS = 6  # in metrics.json
SAMPLES_FOLDER = "samples"
AUDIO_ALONE = "phase audio trains the sound alone: there is no picture to measure"
NOT_MADE = "the footage is not made: its classes and events are not known"
Described = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is judged of a phase: a checkpoint, and the model of its averaged weights."""

    checkpoint: Checkpoint
    components: Components


def last_of(phase: Phase, params: Params, generate: GenerateParams, places: Places) -> Candidate:
    """The last checkpoint of a phase's run, every file verified, and its averaged weights as a model.

    Raises:
        UsageError: no checkpoint yet.
        StaleError: it is damaged, or was trained with another codec than the present one.
    """
    run = places.run(phase)
    checkpoint = last_checkpoint(run / "checkpoints")
    if checkpoint is None:
        raise UsageError(f"{run}/checkpoints holds no checkpoint: run `mova train {phase.name}` first")
    codec = NanoCodec.load(places.data.codec)
    if (run / MANIFEST_FILE).is_file():
        trained_with = read_json(run / MANIFEST_FILE).get("inputs", {}).get("codec", codec.fingerprint)
        if trained_with != codec.fingerprint:
            raise StaleError(
                f"{run} was trained with codec {str(trained_with)[:12]}, {places.data.codec} is now "
                f"{codec.fingerprint[:12]}: run `mova train {phase.name}` again"
            )
    towers = DualTower.from_pretrained(checkpoint.folder / EMA_FOLDER).eval()
    return Candidate(checkpoint, nano_components(towers, codec, phase.geometry(params), generate))


def evaluate(
    phase: Phase,
    params: Params,
    train: TrainParams,
    section: EvaluateParams,
    generate: GenerateParams,
    places: Places,
    reports: Path,
) -> Described:
    """Evaluate a phase's last checkpoint.

    Args:
        phase: which.
        params: preset, limits and loudness.
        train: section `train`: whether the phase trains on sound of one loudness.
        section: section `evaluate`.
        generate: section `generate`: the sampler.
        places: where data and runs lie.
        reports: folder of evaluations; this one's is named by the phase.

    Returns:
        What metrics.json holds, with `text`.

    Raises:
        UsageError, StaleError, MovaError: see `last_of` and `suite_for`; a model whose velocities are not finite.
    """
    candidate = last_of(phase, params, generate, places)
    suite = suite_for(section, places.data)
    geometry, target = phase.geometry(params), reports / phase.name
    pipeline = MovaPipeline(candidate.components)
    # The audio tower alone: without the Bridge, the untrained picture has no part in the sound.
    changes: Described = {} if phase.joint else {"bridge": False}
    with one_thread():
        clips = generate_suite(pipeline, suite, section, f"evaluate@{phase.name}", changes)
        seen = [measure(clip, geometry) for clip in clips]
        held_out = validation_clips(
            params, section, geometry, places.data, normalize_loudness=phase.params(train).normalize_loudness
        )
        known = [measure(clip, geometry) for clip in held_out]
        values = _metrics(seen, known, geometry, suite, params, section, phase)
        scales = sweep(pipeline, suite, section, geometry) if phase.joint else []
    settings = pipeline.defaults.changed(**changes).model_dump(mode="json")
    with atomic_folder(target, replace=True) as temporary:
        samples = _write_samples(temporary, suite, clips, seen, geometry, section.samples, pipeline.defaults.enlarge)
        values["decodable_share"] = _decodable(temporary, samples, geometry, section)
        values["validation_loss"] = _loss(places.run(phase))
        if phase.joint and suite.made:
            values["sync_gain"] = _sync_gain(scales, pipeline.defaults.bridge_guidance_scale)
        else:
            values["sync_gain"] = _entry("sync_gain", unavailable=NOT_MADE if phase.joint else AUDIO_ALONE)
        metrics: Described = {
            "phase": phase.name,
            "checkpoint_id": candidate.checkpoint.checkpoint_id,
            "suite": suite.described(
                {"geometry": geometry.name, "bootstrap_samples": section.bootstrap_samples, **settings}
            ),
            "metrics": values,
            "sweep": [{key: value for key, value in each.items() if key != "draws"} for each in scales],
            "samples": samples,
        }
        if scales:
            write_text(temporary / PLOT_FILE, sweep_plot(scales, values, made=suite.made))
        write_text(temporary / METRICS_FILE, json.dumps(_rounded(metrics), indent=1) + "\n")
    return {**metrics, "text": headline(phase, Evaluated.model_validate(metrics))}


def _metrics(
    seen: list[ClipMetrics],
    known: list[ClipMetrics],
    geometry: ClipGeometry,
    suite: Suite,
    params: Params,
    section: EvaluateParams,
    phase: Phase,
) -> dict[str, Described]:
    limit = params.assess.lufs_above
    metrics = clip_set_metrics(seen, geometry, made=suite.made, reference=known, audible_above_lufs=limit)
    data = (
        clip_set_metrics(known, geometry, made=suite.made, reference=known, audible_above_lufs=limit) if known else {}
    )
    shuffled = shuffled_baseline(seen, geometry, made=suite.made)
    draws = draw_clips(len(seen), section.bootstrap_samples, section.seed)
    names = [*EVENT_METRICS, "av_align", *CLASS_METRICS, "loudness_error_lu", "rms_error_db", "audible_share"]
    values: dict[str, Described] = {}
    for name in names:
        if not phase.joint and name in (*EVENT_METRICS, "av_align", "video_class"):
            values[name] = _entry(name, unavailable=AUDIO_ALONE)
        elif not suite.made and name in (*EVENT_METRICS, *CLASS_METRICS):
            values[name] = _entry(name, unavailable=NOT_MADE)
        elif name not in metrics:
            values[name] = _entry(name, unavailable="no validation clip has a loudness to compare with")
        else:
            low, high = interval(metrics[name].resampled(draws))
            beside = data[name].value if name in data else None
            values[name] = _entry(name, metrics[name].value, low, high, shuffled.get(name), beside)
    values["event_f1_over_shuffled"] = _over_shuffled(
        values["event_f1"], data.get("event_f1"), shuffled_baseline(known, geometry, made=suite.made)
    )
    return values


def _entry(
    name: str,
    value: float | None = None,
    low: float | None = None,
    high: float | None = None,
    shuffled: float | None = None,
    data: float | None = None,
    unavailable: str | None = None,
) -> Described:
    if value is None and unavailable is None:
        unavailable = "there was nothing to measure in any clip: no event, no onset, or silence"
    better = "lower" if name in LOWER_IS_BETTER else "higher"
    numbers = {"value": value, "low": low, "high": high, "shuffled": shuffled, "data": data}
    return {**numbers, "better": better, "unavailable": unavailable}


def _over_shuffled(f1: Described, data: RatioMetric | None, shuffled_of_data: Mapping[str, float | None]) -> Described:
    """Event F1 less its shuffled baseline, whose own baseline is 0."""
    shuffled = f1["shuffled"]
    if f1["value"] is None or shuffled is None:
        reason = f1["unavailable"] or "no class has two clips to pair wrongly"
        return _entry("event_f1_over_shuffled", unavailable=reason)
    beside = None
    if data is not None and data.value is not None and (wrong := shuffled_of_data.get("event_f1")) is not None:
        beside = data.value - wrong
    low, high = (None if f1[key] is None else f1[key] - shuffled for key in ("low", "high"))
    return _entry("event_f1_over_shuffled", f1["value"] - shuffled, low, high, 0.0, beside)


def _sync_gain(scales: Sequence[Described], bridge_scale: float) -> Described:
    """Event F1 at the default Bridge scale over that with the Bridge off, clip by clip the same noise."""
    with_bridge = next((each for each in scales if each["bridge_guidance_scale"] == bridge_scale), None)
    without = next((each for each in scales if not each["bridge"]), None)
    if with_bridge is None or without is None:
        return _entry("sync_gain", unavailable="no sweep was made")
    values = [each["event_f1"]["value"] for each in (with_bridge, without)]
    if None in values:
        return _entry("sync_gain", unavailable="no event and no onset in any clip, with the Bridge or without")
    low, high = interval(with_bridge["draws"] - without["draws"])
    return _entry("sync_gain", values[0] - values[1], low, high, 0.0)


def _write_samples(
    folder: Path,
    suite: Suite,
    clips: Sequence[LabelledClip],
    seen: Sequence[ClipMetrics],
    geometry: ClipGeometry,
    count: int,
    enlarge: int,
) -> list[Described]:
    (folder / SAMPLES_FOLDER).mkdir()
    samples = []
    for index in range(min(count, len(clips))):
        name = f"{SAMPLES_FOLDER}/{index:02d}.mp4"
        write_clip(folder / name, clips[index].frames, clips[index].audio, geometry, enlarge)
        sample = {"path": name, "prompt": suite.prompts[index], "seed": suite.seeds[index]}
        if suite.made:
            sample |= {"video_events_s": seen[index].events, "audio_onsets_s": seen[index].onsets}
        samples.append(sample)
    return samples


def _decodable(
    folder: Path, samples: Sequence[Described], geometry: ClipGeometry, section: EvaluateParams
) -> Described:
    """Share of the written clips that decode to as many frames as there should be, with sound."""
    if not samples:
        return _entry("decodable_share", unavailable="no clip was written (evaluate.samples is 0)")
    whole = [float(_decodes(folder / sample["path"], geometry)) for sample in samples]
    metric = RatioMetric.mean(list(whole))
    low, high = interval(metric.resampled(draw_clips(len(whole), section.bootstrap_samples, section.seed)))
    return _entry("decodable_share", metric.value, low, high)


def _decodes(path: Path, geometry: ClipGeometry) -> bool:
    try:
        pieces = list(decode(path, audio_rate_hz=geometry.audio_rate_hz))
    except MediaError:
        return False
    frames = sum(isinstance(piece, Frame) for piece in pieces)
    return frames == geometry.frames and frames < len(pieces)


def _loss(run: Path) -> Described:
    """Loss of the averaged weights on validation clips, as training measured it last."""
    lines = read_curves(run / CURVES_FILE) if (run / CURVES_FILE).is_file() else []
    last = next((line["validation"] for line in reversed(lines) if line.get("validation")), None)
    if last is None:
        return _entry("validation_loss", unavailable="training measured none: there was no validation clip")
    return _entry("validation_loss", float(last["loss"]))


def _rounded(value: Any) -> Any:
    """The same with floats at a fixed number of digits."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value
