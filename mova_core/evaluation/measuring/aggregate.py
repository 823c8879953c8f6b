"""One number for a set of clips: its value, its seeded bootstrap interval over clips, and how many clips it is of."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mova_core.evaluation.measuring.metric import ClipValue, Distribution, Embedding, MetricSpec
from mova_core.evaluation.measuring.ratio_metric import RatioMetric, Values, draw_clips, draw_halves, interval
from mova_core.measures.clip import Unavailable
from mova_core.params.evaluation import EvaluateParams

NOTHING_THERE = "there was nothing to measure in any clip: no event, no onset, or silence"
NO_CLIP = "there is no clip to measure"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A metric over clips.

    Args:
        value: None where there is none; `unavailable` then says why.
        ends: of its 95 % interval.
        clips: that it was measured in.
        of: that it should have been measured in.
        missing: reason -> clips that it could not be measured in.
    """

    value: float | None
    ends: tuple[float, float] | tuple[None, None] = (None, None)
    clips: int = 0
    of: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    unavailable: str | None = None


def aggregate(
    spec: MetricSpec,
    values: Sequence[ClipValue],
    sets: Sequence[str | None],
    section: EvaluateParams,
    reference: Sequence[ClipValue] = (),
) -> Aggregate:
    """A metric over clips.

    Args:
        spec: of the metric.
        values: what each clip adds.
        sets: the set that each clip is of.
        section: size and seed of the bootstrap.
        reference: what each reference clip adds, for a distribution that compares with them.
    """
    kept = [index for index, name in enumerate(sets) if spec.only_set in (None, name) or spec.only_set not in sets]
    reasons = Counter(value.reason for index in kept if isinstance(value := values[index], Unavailable))
    known = [index for index in kept if not isinstance(values[index], Unavailable)]
    counted = Aggregate(None, (None, None), len(known), len(kept), dict(reasons))
    if not known:
        return replace(counted, unavailable="; ".join(reasons) or NO_CLIP)
    by_set: dict[str | None, list[ClipValue]] = {}
    for index in known:
        by_set.setdefault(sets[index] if spec.mean_of_sets else None, []).append(values[index])
    lost = sorted({str(sets[index]) for index in kept} - set(map(str, by_set))) if spec.mean_of_sets else []
    if lost:
        return replace(counted, unavailable=f"set {', '.join(lost)} has no clip that it could be measured in")
    found = [_of_group(spec, group, section, reference) for group in by_set.values()]
    if refused := next((each for each in found if isinstance(each, str)), None):
        return replace(counted, unavailable=refused)
    levels, resampled = zip(*(each for each in found if not isinstance(each, str)), strict=True)
    ends = interval(np.mean(np.stack(resampled), axis=0))
    return replace(counted, value=float(np.mean(levels)), ends=ends)


def _of_group(
    spec: MetricSpec, group: Sequence[ClipValue], section: EvaluateParams, reference: Sequence[ClipValue]
) -> tuple[float, Values] | str:
    """Value and resampled values of one set, or why there is none."""
    if spec.distribution is not None:
        found = _of_embeddings(spec.distribution, group, section, reference)
        return found if isinstance(found, str) else (found[0], np.clip(found[1], *spec.range))
    metric = RatioMetric.of([value for value in group if isinstance(value, tuple)])
    if metric.value is None:
        return NOTHING_THERE
    return metric.value, metric.resampled(draw_clips(len(group), section.bootstrap_samples, section.seed))


def _of_embeddings(
    distribution: Distribution, group: Sequence[ClipValue], section: EvaluateParams, reference: Sequence[ClipValue]
) -> tuple[float, Values] | str:
    """The value, and the spread of those of half the clips set around it.

    Half of the clips without replacement vary as much as all of them drawn anew (the delete-half jackknife: J. Shao and
    C. Wu, "A general theory for jackknife variance estimation", Annals of Statistics 17, 1989). Drawing with
    replacement would repeat clips, which makes a covariance or a kernel of few clips vary up to three times as much.
    That fewer clips move such a statistic is a shift, no spread, and is taken out.
    """
    rows = [np.atleast_2d(value) for value in group if isinstance(value, np.ndarray)]
    other = [np.atleast_2d(value) for value in reference if isinstance(value, np.ndarray)]
    if distribution.compares and not other:
        return "no reference clip could be measured"
    against: Embedding | None = np.concatenate(other) if distribution.compares else None
    value = distribution.statistic(np.concatenate(rows), against)
    if isinstance(value, Unavailable):
        return value.reason
    samples = min(section.bootstrap_samples, distribution.bootstrap_samples)
    draws = draw_halves(len(rows), samples, section.seed) if len(rows) > 1 else ()
    drawn = [distribution.statistic(np.concatenate([rows[index] for index in draw]), against) for draw in draws]
    levels = np.array([each for each in drawn if not isinstance(each, Unavailable)], np.float64)
    return value, value + levels - levels.mean() if levels.size else np.full(samples, np.nan)
