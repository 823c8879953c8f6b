"""How one set of clips differs from another, clip by clip of the same name: seeded paired bootstrap."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mova_core.evaluation.measuring.metric import ClipValue, MetricSpec
from mova_core.evaluation.measuring.ratio_metric import Ratio, RatioMetric, Values, draw_clips, interval
from mova_core.params.evaluation import EvaluateParams


@dataclass(frozen=True, slots=True)
class Difference:
    """Value of the first set less that of the second.

    Args:
        value: None where fewer than two pairs can be compared.
        low, high: ends of its 95 % interval.
        pairs: clips that both have a value of.
        better: whether the first is better beyond the interval, or worse; None: the interval holds 0, or the metric has
            no direction.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    pairs: int = 0
    better: bool | None = None


def paired_difference(
    spec: MetricSpec,
    first: Sequence[ClipValue],
    second: Sequence[ClipValue],
    sets: Sequence[str | None],
    section: EvaluateParams,
) -> Difference:
    """Compare a ratio metric over clips of the same names.

    Args:
        spec: of the metric.
        first, second: what each clip adds, in the same order of names.
        sets: the set that each clip is of.
        section: size and seed of the bootstrap; the same clips are drawn of both.
    """
    groups: dict[str | None, list[tuple[Ratio, Ratio]]] = {}
    for one, other, name in zip(first, second, sets, strict=True):
        counts = spec.only_set in (None, name) or spec.only_set not in sets
        if counts and isinstance(one, tuple) and isinstance(other, tuple):
            groups.setdefault(name if spec.mean_of_sets else None, []).append((one, other))
    pairs = sum(map(len, groups.values()))
    found = [_group(group, section) for group in groups.values()]
    if pairs < 2 or any(each is None for each in found):
        return Difference(None, pairs=pairs)
    levels, resampled = zip(*(each for each in found if each is not None), strict=True)
    value = float(np.mean(levels))
    low, high = interval(np.mean(np.stack(resampled), axis=0))
    return Difference(value, low, high, pairs, _is_better(spec, low, high))


def paired_gain(
    spec: MetricSpec,
    first: Sequence[tuple[Ratio, Ratio]],
    second: Sequence[tuple[Ratio, Ratio]],
    section: EvaluateParams,
) -> Difference:
    """Compare a metric that is one ratio over clips less another.

    Args:
        spec: of the metric.
        first, second: what each clip adds to both ratios, in the same order of names.
        section: size and seed of the bootstrap; the same clips are drawn of all.
    """
    pairs, ours, theirs = len(first), _group(first, section), _group(second, section)
    if pairs < 2 or ours is None or theirs is None:
        return Difference(None, pairs=pairs)
    low, high = interval(ours[1] - theirs[1])
    return Difference(ours[0] - theirs[0], low, high, pairs, _is_better(spec, low, high))


def _group(pairs: Sequence[tuple[Ratio, Ratio]], section: EvaluateParams) -> tuple[float, Values] | None:
    """The first ratio over clips less the second, and the same of the drawn clips: of as many clips always the same."""
    one, other = (RatioMetric.of([pair[side] for pair in pairs]) for side in (0, 1))
    if one.value is None or other.value is None:
        return None
    draws = draw_clips(len(pairs), section.bootstrap_samples, section.seed)
    return one.value - other.value, one.resampled(draws) - other.resampled(draws)


def _is_better(spec: MetricSpec, low: float | None, high: float | None) -> bool | None:
    if spec.better == "neither" or low is None or high is None or low <= 0 <= high:
        return None
    return (low > 0) == (spec.better == "higher")
