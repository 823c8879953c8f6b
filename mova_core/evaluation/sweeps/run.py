"""`mova evaluate --checkpoint REF --sweep NAME=VALUES`: a suite at every point of a grid of settings, judged.

    sweep.json    points with every metric and interval, Pareto front, suggested defaults
The same weights, params and grid give the same bytes, whether it was killed on the way or not.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from mova_core.errors import UsageError
from mova_core.evaluation.availability import chosen_metrics, lacking_needs, unavailable_metrics
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.configured_context import configured_context
from mova_core.evaluation.evaluate_suite import SuiteRun
from mova_core.evaluation.measure import MeasuredClips, available, summarise
from mova_core.evaluation.measuring.metric import Need
from mova_core.evaluation.measuring.rounding import rounded
from mova_core.evaluation.suites.item import SuiteItem
from mova_core.evaluation.sweeps.axes import Axis, GridPoint, grid
from mova_core.evaluation.sweeps.judge import behind, best_points, front, suggest
from mova_core.evaluation.sweeps.measure_points import Batch, PointMeter
from mova_core.evaluation.sweeps.objectives import choose_objectives
from mova_core.evaluation.sweeps.result import SWEEP_FILE, Sweep, SweptPoint, SweptSuite
from mova_core.params import Params
from mova_core.params.evaluation import EvaluateParams
from mova_core.places import RESULT_CACHE
from mova_core.registry.manifests import checkpoint_id_of
from mova_core.sampling.generate import load_generator, warn
from mova_core.sampling.plan.check import check_memory
from mova_core.sampling.plan.plan import Passes
from mova_core.sampling.request.request import Request
from mova_core.sampling.settings import MODALITIES
from mova_core.storage.atomic import make_folder, write_text
from mova_core.storage.code_version import code_version
from mova_core.storage.result_cache import ResultCache, version_folder

MEASURES = "mova_core.evaluation.sweeps.measure_points"
OF_FILES = ("codec", "retries")  # settings that have no part: no file is written, and each clip is of its own seed


def run_sweep(run: SuiteRun, axes: Sequence[Axis], params: Params, cache: Path = RESULT_CACHE) -> Sweep:
    """Generate and measure a suite at every point of a grid, and judge the points.

    Args:
        run: suite, model, and settings that are no axis.
        axes: settings and their values.
        params: `evaluate`, `weights`, `speech`, `assess.lufs_above`.
        cache: folder of finished points.

    Raises:
        UsageError: a point or a clip that cannot be generated, or params that cannot be used: before anything is.
        StaleError: a damaged model folder.
    """
    request, points = _checked(run, axes)
    context = configured_context(params, cache)
    lacking = lacking_needs([item.asked for item in run.suite.items], {Need.VIDEO})
    unavailable = unavailable_metrics(lacking, chosen_metrics(params), context.models)
    specs, section = available(unavailable), params.evaluate
    checkpoint_id, suite = checkpoint_id_of(run.folder), _suite(run, request)
    meter = PointMeter(
        load_generator(request, request.runtime),
        {"checkpoint": checkpoint_id, "suite": suite.sha256, "given": _given(request), "loras": suite.loras},
        _batches(request, run.suite.items),
        request.negative_prompt,
        specs,
        context,
        ResultCache(f"sweep/{version_folder(code_version(MEASURES))}", cache),
    )
    meter.check(points)
    warn(request.warnings)
    measured = meter.measure(points)
    swept = [_point(*each, unavailable, section) for each in zip(points, measured, strict=True)]
    best = best_points(_grid(swept), [spec.name for spec in specs if spec.ratio and spec.better != "neither"])
    swept = [
        point.model_copy(update={"behind": behind(number, best, measured, section)}) if point.bridge else point
        for number, point in enumerate(swept)
    ]
    objectives = choose_objectives(best, _reasons(swept, unavailable))
    return Sweep(
        checkpoint_id=checkpoint_id,
        suite=suite,
        axes={axis.name: list(axis.values) for axis in axes},
        defaults={axis.name: getattr(request.settings, axis.name) for axis in axes},
        points=swept,
        sync_metric=objectives.sync,
        text_metrics=list(objectives.text),
        best=best,
        front=front(_grid(swept), objectives),
        suggestion=suggest(_grid(swept), objectives, best, [point for point in swept if not point.bridge]),
        unavailable={name: unavailable[name] for name in CATALOGUE if name in unavailable},
    )


def write_sweep(sweep: Sweep, out: Path) -> None:
    """Write sweep.json."""
    make_folder(out)
    write_text(out / SWEEP_FILE, json.dumps(rounded(sweep.model_dump(mode="json")), indent=1) + "\n")


def _checked(run: SuiteRun, axes: Sequence[Axis]) -> tuple[Request, list[GridPoint]]:
    """The request with its clips read, and the points; before torch is loaded."""
    changes = run.generation.changes
    if idle := next((name for name in OF_FILES if name in changes), None):
        raise UsageError(f"--{idle} has no part in a sweep, which writes no clips and tries no other seeds")
    for axis in axes:
        own = [f"{modality}_{axis.name}" for modality in MODALITIES]  # which a common scale goes before
        if twice := next((name for name in (axis.name, *own) if name in changes), None):
            option = f"--{twice.replace('_', '-')}"
            raise UsageError(f"{option} has no part where {axis.name} is swept: leave one of the two out")
    wanted = [item.wanted for item in run.suite.items]
    if single := next((clip.name for clip in wanted if clip.given.only is not None), None):
        raise UsageError(f"clip {single} of the suite is video or audio alone, expected both in a sweep: leave it out")
    request = run.generation.request(run.folder)
    points = grid(axes, request.settings)
    asked = replace(run.generation, changes={**changes, **{axis.name: axis.values for axis in axes}})
    request = asked.check(request, wanted, run.out).with_clips(wanted, run.out)
    check_memory(request.index, request.settings, request.runtime, max(map(len, request.batches())))
    return request, points


def _batches(request: Request, items: Collection[SuiteItem]) -> list[Batch]:
    """The clips as `mova generate` puts them together."""
    asked = {item.name: item.asked for item in items}
    return [
        Batch([clip.inputs for clip in batch], [asked[clip.path.stem] for clip in batch]) for batch in request.batches()
    ]


def _suite(run: SuiteRun, request: Request) -> SweptSuite:
    return SweptSuite(
        **run.suite.described(),
        negative_prompt=request.negative_prompt,
        loras=[asdict(lora) for lora in request.loras],
        settings=request.settings.model_dump(mode="json", exclude={*OF_FILES, "enlarge"}),
    )


def _given(request: Request) -> list[dict[str, str]]:
    return [clip.digests for clip in request.clips]


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
