"""What a metric of sync gains over wrong pairs of the same clips: video and audio made apart gain nothing.

Positive is better, whichever direction the metric has. A clip that the metric cannot judge, such as one without an
event, counts among the true pairs as missed, with the worst value that the metric has; a wrong pair with such a clip is
left out, because wrong pairs that are missed would make the true ones look better. The interval is a bootstrap over
clips: the same clips are drawn of the true pairs and, each with all its wrong partners, of the wrong ones.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measure import entry, entry_of, measure_clips, over_pairs
from mova_core.evaluation.measuring.aggregate import Aggregate
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import mean_over_pairs
from mova_core.evaluation.measuring.ratio_metric import Ratio, RatioMetric, Values, draw_clips, interval
from mova_core.evaluation.metrics import alignment, sync
from mova_core.measures.clip import Clip, Unavailable
from mova_core.params.evaluation import EvaluateParams
from mova_core.registry.manifests import Metric

PairRatio = Callable[[Clip, Clip, Context], Ratio | Unavailable]
NO_PAIR = "no class has two clips with events to pair wrongly"


@dataclass(frozen=True, slots=True)
class Compared:
    """How one metric of sync is compared.

    Args:
        metric: its name.
        true: what a clip adds, missed where the metric cannot judge it.
        wrong: what a wrong pair adds, nothing where the metric cannot judge it.
    """

    metric: str
    true: PairRatio
    wrong: PairRatio

    def pairs(self, clips: Sequence[Clip]) -> list[tuple[Clip, Clip]]:
        """The wrong pairs, those of a clip's video one after the other."""
        shuffle = CATALOGUE[self.metric].shuffle
        assert shuffle is not None, f"{self.metric} has no shuffled baseline"
        return shuffle(clips)

    @property
    def sign(self) -> int:
        """1 where a larger value is better, else -1."""
        return 1 if CATALOGUE[self.metric].better == "higher" else -1


OVER_SHUFFLED: Mapping[str, Compared] = {
    "event_f1_over_shuffled": Compared("event_f1", sync.event_f1, sync.event_f1_where_both_have_events),
    "av_align_over_shuffled": Compared(
        "av_align",
        mean_over_pairs(alignment.av_align_or_missed),
        mean_over_pairs(alignment.av_align_where_both_have_events),
    ),
    "onset_lag_under_shuffled_s": Compared(
        "onset_lag_s", mean_over_pairs(alignment.onset_lag_or_missed_s), mean_over_pairs(alignment.onset_lag_s)
    ),
}


@dataclass(frozen=True, slots=True)
class OverShuffled:
    """One of these metrics.

    Args:
        metric: with its interval and the data's own value.
        of_clips: what each clip adds to both ratios of which it is the difference; empty where a clip lacks them.
    """

    metric: Metric
    of_clips: Sequence[tuple[Ratio, Ratio]] = ()


def over_shuffled(
    clips: Sequence[Clip], context: Context, unavailable: Mapping[str, str], section: EvaluateParams
) -> dict[str, OverShuffled]:
    """Each of these metrics, by its name.

    Args:
        clips: to measure.
        context: reference clips.
        unavailable: metric -> why it is not measured.
        section: size and seed of the bootstrap.
    """
    return {
        name: OverShuffled(entry(name, unavailable=unavailable[name]))
        if name in unavailable
        else _metric(name, compared, clips, context, section)
        for name, compared in OVER_SHUFFLED.items()
    }


def _metric(
    name: str, compared: Compared, clips: Sequence[Clip], context: Context, section: EvaluateParams
) -> OverShuffled:
    true, wrong, reasons = _per_clip(compared, clips, context)
    counted = Aggregate(None, (None, None), len(true.numerator), len(clips), dict(reasons))
    value = _difference(compared, true, wrong)
    if value is None:
        return OverShuffled(entry_of(name, replace(counted, unavailable="; ".join(reasons) or NO_PAIR)))
    draws = draw_clips(len(true.numerator), section.bootstrap_samples, section.seed)
    ends = interval(compared.sign * (true.resampled(draws) - wrong.resampled(draws)))
    data = _difference(compared, *_per_clip(compared, context.clips, context)[:2])
    metric = entry_of(name, replace(counted, value=value, ends=ends), 0.0, data)
    both = (true, wrong) if compared.sign > 0 else (wrong, true)
    of_clips = list(zip(*(each.ratios() for each in both), strict=True)) if not reasons else []
    return OverShuffled(metric, of_clips)


def _difference(compared: Compared, true: RatioMetric, wrong: RatioMetric) -> float | None:
    if true.value is None or wrong.value is None:
        return None
    return compared.sign * (true.value - wrong.value)


def _per_clip(
    compared: Compared, clips: Sequence[Clip], context: Context
) -> tuple[RatioMetric, RatioMetric, Counter[str]]:
    """What each clip adds as it is, and with all its wrong partners; and why the others could not be measured."""
    spec = CATALOGUE[compared.metric]
    values = measure_clips(clips, [replace(spec, ratio=compared.true)], context).values[spec.name]
    reasons = Counter(value.reason for value in values if isinstance(value, Unavailable))
    known = [clip for clip, value in zip(clips, values, strict=True) if not isinstance(value, Unavailable)]
    place = {id(clip): index for index, clip in enumerate(known)}
    pairs = compared.pairs(known)
    partners = over_pairs(replace(spec, ratio=compared.wrong), pairs, context)
    of_clip = np.array([place[id(video)] for video, _ in pairs], np.int64)
    wrong = RatioMetric(*(_sums(of_clip, side, len(known)) for side in (partners.numerator, partners.denominator)))
    return RatioMetric.of([value for value in values if isinstance(value, tuple)]), wrong, reasons


def _sums(of_clip: NDArray[np.int64], values: Values, clips: int) -> Values:
    """What the pairs of each clip's video add."""
    return np.bincount(of_clip, values, clips).astype(np.float64)
