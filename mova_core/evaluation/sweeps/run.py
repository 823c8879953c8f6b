"""`mova evaluate --checkpoint REF --sweep NAME=VALUES`: the suite at every point of a grid of settings, judged.

    sweep.json    points with every metric and interval, Pareto front, suggested defaults; written last
The same weights, params and grid give the same bytes, whether it was killed on the way or not.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measure import MeasuredClips, available, chosen_metrics, summarise, unavailable_metrics
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import Need
from mova_core.evaluation.measuring.rounding import rounded
from mova_core.evaluation.suites.suite import Suite, synthetic_suite
from mova_core.evaluation.sweeps.axes import Axis, GridPoint, grid
from mova_core.evaluation.sweeps.judge import behind, best_points, front, suggest
from mova_core.evaluation.sweeps.measure_points import PointMeter
from mova_core.evaluation.sweeps.objectives import choose_objectives
from mova_core.evaluation.sweeps.result import SWEEP_FILE, Sweep, SweptPoint
from mova_core.measures.models.table import configured_models
from mova_core.model.pretrained.index import FolderIndex
from mova_core.params import Params
from mova_core.params.evaluation import EvaluateParams
from mova_core.places import RESULT_CACHE
from mova_core.registry.manifests import Suite as SuiteRecord
from mova_core.registry.manifests import checkpoint_id_of
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.plan.plan import Passes
from mova_core.sampling.settings import GenerateSettings
from mova_core.speech.recognize import ConfiguredSpeech
from mova_core.storage.atomic import make_folder, write_text
from mova_core.storage.code_version import code_version
from mova_core.storage.result_cache import ResultCache, version_folder
from mova_core.synthetic.world import KINDS

CLIPS = 16  # generated at each point unless more or fewer are asked for
MEASURES = "mova_core.evaluation.sweeps.measure_points"


def run_sweep(folder: Path, axes: Sequence[Axis], suite: Suite, params: Params, cache: Path = RESULT_CACHE) -> Sweep:
    """Generate and measure a suite at every point of a grid, and judge the points.

    Args:
        folder: of the model.
        axes: settings and their values.
        suite: generated at each point, from the same seeds.
        params: `evaluate`, `weights`, `speech`, `assess.lufs_above`; device and dtype of `generate`.
        cache: folder of finished points.

    Raises:
        UsageError: a point that cannot be generated, or params that cannot be used: before anything is generated.
        StaleError: a damaged model folder.
    """
    points, section = grid(axes, GenerateSettings.of(FolderIndex.read(folder))), params.evaluate
    models = {model.name: model for model in configured_models(params.weights)}
    context = Context([], params.assess.lufs_above, models, ConfiguredSpeech.of(params, cache))
    unavailable = unavailable_metrics(_lacking(suite), chosen_metrics(params), models)
    specs = available(unavailable)
    checkpoint_id, generator = checkpoint_id_of(folder), ClipGenerator.load(folder, params.generate)
    kept = ResultCache(f"sweep/{version_folder(code_version(MEASURES))}", cache)
    meter = PointMeter(generator, checkpoint_id, suite, section.batch, specs, context, kept)
    meter.check(points)
    measured = meter.measure(points)
    swept = [_point(*each, unavailable, section) for each in zip(points, measured, strict=True)]
    best = best_points(_grid(swept), [spec.name for spec in specs if spec.ratio and spec.better != "neither"])
    swept = [
        point.model_copy(update={"behind": behind(number, best, measured, section)}) if point.bridge else point
        for number, point in enumerate(swept)
    ]
    objectives = choose_objectives(best, _reasons(swept, unavailable))
    of_model = generator.defaults.changed(retries=0).model_dump(mode="json")
    return Sweep(
        checkpoint_id=checkpoint_id,
        suite=SuiteRecord.model_validate(suite.described({"bootstrap_samples": section.bootstrap_samples, **of_model})),
        axes={axis.name: list(axis.values) for axis in axes},
        defaults={axis.name: getattr(generator.defaults, axis.name) for axis in axes},
        points=swept,
        sync=objectives.sync,
        text=list(objectives.text),
        best=best,
        front=front(_grid(swept), objectives),
        suggestion=suggest(_grid(swept), objectives, best),
        unavailable={spec.name: unavailable[spec.name] for spec in CATALOGUE.values() if spec.name in unavailable},
    )


def write_sweep(sweep: Sweep, out: Path) -> None:
    """Write sweep.json."""
    make_folder(out)
    write_text(out / SWEEP_FILE, json.dumps(rounded(sweep.model_dump(mode="json")), indent=1) + "\n")


def sweep_suite(section: EvaluateParams, clips: int) -> Suite:
    """The first clips of suite `synthetic`; as many as asked for, the classes in turn."""
    suite = synthetic_suite(section.model_copy(update={"clips_per_class": -(-clips // len(KINDS))}))
    return Suite(suite.name, suite.prompts[:clips], suite.labels[:clips], suite.seeds[:clips])


def _point(
    point: GridPoint, measured: MeasuredClips, unavailable: Mapping[str, str], section: EvaluateParams
) -> SweptPoint:
    metrics = summarise(measured, MeasuredClips(), unavailable, section, {})
    passes = Passes.of(point.settings)
    return SweptPoint(
        settings=dict(point.values),
        bridge=point.bridge,
        passes=passes.with_bridge + passes.without_bridge,
        metrics={name: metric for name, metric in metrics.items() if name not in unavailable},
    )


def _grid(points: Sequence[SweptPoint]) -> dict[int, SweptPoint]:
    return {number: point for number, point in enumerate(points) if point.bridge}


def _reasons(points: Sequence[SweptPoint], unavailable: Mapping[str, str]) -> dict[str, str]:
    """Metric -> why it has no value, in the whole sweep or in its last point."""
    found = {name: metric.unavailable for point in points for name, metric in point.metrics.items()}
    return {name: reason for name, reason in found.items() if reason is not None} | dict(unavailable)


def _lacking(suite: Suite) -> list[Need]:
    return [*([] if suite.synthetic else [Need.KNOWN_EVENTS]), Need.VALIDATION_CLIPS, Need.REFERENCE, Need.TRANSCRIPTS]
