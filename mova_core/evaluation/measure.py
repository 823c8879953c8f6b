"""The catalogue's metrics over a set of clips, each with its interval, its baseline and the reference's own value.

What cannot be measured is unavailable, with the reason: it is never 0. A metric that fails in one clip is unavailable
in that clip alone.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mova_core.errors import MovaError
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measuring.aggregate import Aggregate, aggregate
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import ClipValue, MetricSpec
from mova_core.evaluation.measuring.ratio_metric import NOTHING, RatioMetric
from mova_core.measures.clip import Clip, Unavailable
from mova_core.params.evaluation import EvaluateParams
from mova_core.registry.manifests import Metric

NO_MEMORY = Unavailable(
    "it needed more memory than there was: give a worker more (engine.evaluate.memory_mb, or limits.memory_mb)",
    passing=True,
)
TORCH_NO_MEMORY = "can't allocate memory"  # as torch's allocator says it


@dataclass(frozen=True, slots=True)
class MeasuredClips:
    """What was measured in each clip.

    Args:
        values: metric -> what each clip adds.
        sets: the set of the suite that each clip is of.
    """

    values: Mapping[str, Sequence[ClipValue]] = field(default_factory=dict)
    sets: Sequence[str | None] = ()


@dataclass(frozen=True, slots=True)
class Measurement:
    """Metrics, and what was measured in each of the clips and of the reference clips."""

    metrics: dict[str, Metric]
    clips: MeasuredClips
    reference: MeasuredClips


def measure(
    clips: Sequence[Clip], context: Context, unavailable: Mapping[str, str], section: EvaluateParams
) -> Measurement:
    """Every metric that comes from clips, of clips in memory.

    Args:
        clips: to measure.
        context: reference clips, and models.
        unavailable: metric -> why it is not measured.
        section: size and seed of the bootstrap.
    """
    specs = available(unavailable)
    wrong = {spec.name: shuffled_baseline(spec, clips, context) for spec in specs}
    measured, reference = (measure_clips(each, specs, context) for each in (clips, context.clips))
    return Measurement(summarise(measured, reference, unavailable, section, wrong), measured, reference)


def measure_clips(clips: Iterable[Clip], specs: Sequence[MetricSpec], context: Context) -> MeasuredClips:
    """What each clip adds to each of these metrics."""
    rows, sets = [], []
    for clip in clips:
        rows.append(clip_values(clip, specs, context))
        sets.append(clip.asked.set)
    return MeasuredClips({spec.name: [row[spec.name] for row in rows] for spec in specs}, sets)


def clip_values(clip: Clip, specs: Sequence[MetricSpec], context: Context) -> dict[str, ClipValue]:
    """What one clip adds to each of these metrics; one that fails is unavailable, with what it said."""
    return {spec.name: _value(spec, clip, clip, context) for spec in specs}


def summarise(
    measured: MeasuredClips,
    reference: MeasuredClips,
    unavailable: Mapping[str, str],
    section: EvaluateParams,
    shuffled: Mapping[str, float | None],
) -> dict[str, Metric]:
    """Every metric that comes from clips, from what each clip adds.

    Args:
        measured: the clips.
        reference: what they are compared with; empty if there is nothing.
        unavailable: metric -> why it was not measured.
        section: size and seed of the bootstrap.
        shuffled: metric -> its shuffled baseline.
    """
    metrics = {}
    for spec in CATALOGUE.values():
        name = spec.name
        if not spec.of_clips:
            continue
        if name in unavailable:
            metrics[name] = entry(name, unavailable=unavailable[name])
            continue
        beside = reference.values.get(name, ())
        found = aggregate(spec, measured.values[name], measured.sets, section, beside)
        data = aggregate(spec, beside, reference.sets, section).value if beside and spec.ratio else None
        metrics[name] = entry_of(name, found, shuffled.get(name), data)
    return metrics


def available(unavailable: Collection[str]) -> list[MetricSpec]:
    """The metrics that come from clips and can be measured."""
    return [spec for spec in CATALOGUE.values() if spec.of_clips and spec.name not in unavailable]


def over_pairs(spec: MetricSpec, pairs: Sequence[tuple[Clip, Clip]], context: Context) -> RatioMetric:
    """A ratio metric over pairs, of which the first clip gives the video and the second the audio."""
    assert spec.ratio is not None, f"{spec.name} is no ratio over clips"
    values = [_value(spec, video, audio, context) for video, audio in pairs]
    return RatioMetric.of([value if isinstance(value, tuple) else NOTHING for value in values])


def over_clips(spec: MetricSpec, clips: Sequence[Clip], context: Context) -> RatioMetric:
    """A ratio metric over clips as they are."""
    return over_pairs(spec, [(clip, clip) for clip in clips], context)


def shuffled_baseline(spec: MetricSpec, clips: Sequence[Clip], context: Context) -> float | None:
    """A metric over wrong pairs; None where it has no such baseline, or no clip has another to be paired with."""
    return over_pairs(spec, spec.shuffle(clips), context).value if spec.shuffle else None


def entry(
    name: str,
    value: float | None = None,
    ends: tuple[float, float] | tuple[None, None] = (None, None),
    shuffled: float | None = None,
    data: float | None = None,
    unavailable: str | None = None,
) -> Metric:
    """A metric as metrics.json holds it; without a value, with a reason."""
    assert (value is None) == (unavailable is not None), f"{name} has either a value or a reason"
    low, high = ends
    spec = CATALOGUE[name]
    return Metric(
        value=value,
        low=low,
        high=high,
        shuffled=shuffled,
        data=data,
        better=spec.better,
        version=spec.version,
        unavailable=unavailable,
    )


def entry_of(name: str, found: Aggregate, shuffled: float | None = None, data: float | None = None) -> Metric:
    """As `entry`, with how many clips it is of."""
    counts = {"clips": found.clips, "of": found.of, "missing": found.missing}
    made = entry(name, found.value, found.ends, shuffled, data, found.unavailable)
    return made.model_copy(update=counts)


def in_order(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """The metrics in the order of the catalogue.

    Raises:
        MovaError: one is not in the catalogue, or one of the catalogue is not there.
    """
    if unknown := sorted(set(metrics) - set(CATALOGUE)):
        raise MovaError(f"measured {', '.join(unknown)}, which mova_core/evaluation/catalogue.py does not list")
    if lost := sorted(set(CATALOGUE) - set(metrics)):
        raise MovaError(f"mova_core/evaluation/catalogue.py lists {', '.join(lost)}, which nothing measured")
    return {name: metrics[name] for name in CATALOGUE}


def _value(spec: MetricSpec, video: Clip, audio: Clip, context: Context) -> ClipValue:
    try:
        if spec.distribution is not None:
            return _finite(spec.distribution.embedding(video, context))
        assert spec.ratio is not None, f"{spec.name} does not come from clips"
        return _finite(spec.ratio(video, audio, context))
    except MemoryError:
        return NO_MEMORY
    except Exception as error:  # whatever a model or a package throws at one clip, the others are measured
        lacks_memory = isinstance(error, RuntimeError) and TORCH_NO_MEMORY in str(error)
        return NO_MEMORY if lacks_memory else Unavailable(f"it failed: {type(error).__name__}: {error}")


def _finite(value: ClipValue) -> ClipValue:
    """The value, unless it is none: one NaN would be that of all clips together."""
    return (
        value if isinstance(value, Unavailable) or np.isfinite(value).all() else Unavailable("its value is no number")
    )
