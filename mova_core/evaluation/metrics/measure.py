"""The catalogue's metrics over a set of clips, each with its bootstrap interval, its baseline and the data's own value.

What cannot be measured is unavailable, with the reason: it is never 0.
"""

from collections.abc import Collection, Mapping, Sequence

from mova_core.errors import MovaError
from mova_core.evaluation.metrics.catalogue import CATALOGUE, MetricSpec, Need
from mova_core.evaluation.metrics.ratio_metric import RatioMetric, draw_clips, interval
from mova_core.evaluation.reference import Reference
from mova_core.measures.clip import Clip
from mova_core.params.evaluation import EvaluateParams
from mova_core.registry.manifests import Metric

EMPTY = "there was nothing to measure in any clip: no event, no onset, or silence"


def measure(
    clips: Sequence[Clip], reference: Reference, lacking: Collection[Need], section: EvaluateParams
) -> dict[str, Metric]:
    """Every metric that comes from clips.

    Args:
        clips: to measure.
        reference: validation clips to compare with.
        lacking: what is not there.
        section: size and seed of the bootstrap.
    """
    return {
        name: _measured(spec, clips, reference, lacking, section)
        for name, spec in CATALOGUE.items()
        if spec.ratio is not None
    }


def over_pairs(spec: MetricSpec, pairs: Sequence[tuple[Clip, Clip]], reference: Reference) -> RatioMetric:
    """A metric over pairs, of which the first clip gives the video and the second the audio."""
    assert spec.ratio is not None, f"{spec.name} does not come from clips"
    return RatioMetric.of([spec.ratio(video, audio, reference) for video, audio in pairs])


def over_clips(spec: MetricSpec, clips: Sequence[Clip], reference: Reference) -> RatioMetric:
    """A metric over clips as they are."""
    return over_pairs(spec, [(clip, clip) for clip in clips], reference)


def shuffled_baseline(spec: MetricSpec, clips: Sequence[Clip], reference: Reference) -> float | None:
    """A metric over wrong pairs; None where it has no such baseline, or no clip has another to be paired with."""
    return over_pairs(spec, spec.shuffle(clips), reference).value if spec.shuffle else None


def event_f1_over_shuffled(f1: Metric, reference: Reference) -> Metric:
    """Event F1 less its shuffled baseline: a difference, whose own baseline is 0."""
    name = "event_f1_over_shuffled"
    if f1.value is None or f1.shuffled is None:
        return entry(name, unavailable=f1.unavailable or "no class has two clips to pair wrongly")
    data, wrong = f1.data, shuffled_baseline(CATALOGUE["event_f1"], reference.clips, reference)
    beside = None if data is None or wrong is None else data - wrong
    ends = (None, None) if f1.low is None or f1.high is None else (f1.low - f1.shuffled, f1.high - f1.shuffled)
    return entry(name, f1.value - f1.shuffled, ends, 0.0, beside)


def lacking_need(name: str, lacking: Collection[Need]) -> Need | None:
    """The first thing that a metric needs and that is not there."""
    return next((need for need in CATALOGUE[name].needs if need in lacking), None)


def entry(
    name: str,
    value: float | None = None,
    ends: tuple[float, float] | tuple[None, None] = (None, None),
    shuffled: float | None = None,
    data: float | None = None,
    unavailable: str | None = None,
) -> Metric:
    """A metric as metrics.json holds it; without a value, with a reason."""
    if value is None and unavailable is None:
        unavailable = EMPTY
    low, high = ends
    better = CATALOGUE[name].better
    return Metric(value=value, low=low, high=high, shuffled=shuffled, data=data, better=better, unavailable=unavailable)


def in_order(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """The metrics in the order of the catalogue.

    Raises:
        MovaError: one is not in the catalogue, or one of the catalogue is not there.
    """
    if unknown := sorted(set(metrics) - set(CATALOGUE)):
        raise MovaError(f"measured {', '.join(unknown)}, which mova_core/evaluation/metrics/catalogue.py does not list")
    if lost := sorted(set(CATALOGUE) - set(metrics)):
        raise MovaError(f"mova_core/evaluation/metrics/catalogue.py lists {', '.join(lost)}, which nothing measured")
    return {name: metrics[name] for name in CATALOGUE}


def _measured(
    spec: MetricSpec,
    clips: Sequence[Clip],
    reference: Reference,
    lacking: Collection[Need],
    section: EvaluateParams,
) -> Metric:
    if need := lacking_need(spec.name, lacking):
        return entry(spec.name, unavailable=need.value)
    metric = over_clips(spec, clips, reference)
    ends = interval(metric.resampled(draw_clips(len(clips), section.bootstrap_samples, section.seed)))
    data = over_clips(spec, reference.clips, reference).value if reference.clips else None
    return entry(spec.name, metric.value, ends, shuffled_baseline(spec, clips, reference), data)
