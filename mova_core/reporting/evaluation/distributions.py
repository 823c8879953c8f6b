"""How each metric lies over the clips, as cards of charts: beside the reference's clips, and by the suite's sets."""

from collections.abc import Sequence
from dataclasses import dataclass

from mova_core.evaluation.measuring.metric import MetricSpec
from mova_core.evaluation.measuring.ratio_metric import RatioMetric, draw_clips, interval
from mova_core.params.evaluation import EvaluateParams
from mova_core.reporting.charts.clip_values import clip_values_chart
from mova_core.reporting.charts.set_bars import SetValue, set_bars_chart
from mova_core.reporting.evaluation.groups import by_group
from mova_core.reporting.evaluation.numbers import number
from mova_core.reporting.evaluation.results import ClipScores, Results, known_values
from mova_core.reporting.wording import one_line, plural


@dataclass(frozen=True, slots=True)
class ChartCard:
    """A chart with what stands around it; `ends` are the least and the largest value, () where it has an axis."""

    label: str
    svg: str
    ends: tuple[str, ...]
    caption: str


@dataclass(frozen=True, slots=True)
class Distributions:
    """Cards by group, and the metrics that are the same in every clip, in words."""

    groups: dict[str, list[ChartCard]]
    constant: tuple[str, ...]


def distributions(results: Results) -> Distributions:
    """A card of each metric that differs from clip to clip."""
    charts: dict[str, list[ChartCard]] = {}
    constant = []
    for title, specs in by_group(list(results.scores.metrics)).items():
        for spec in specs:
            clips, reference = (known_values(each, spec.name) for each in (results.clips, results.reference))
            values = {value for _, value in (*clips, *reference)}
            if clips and len(values) > 1:
                charts.setdefault(title, []).append(_card(spec, clips, reference))
            elif clips and len(clips) > 1:
                constant.append(f"{spec.title} {number(values.pop())}")
    return Distributions(charts, tuple(constant))


def by_set(results: Results, metrics: Sequence[MetricSpec]) -> list[ChartCard]:
    """A card of each of these metrics with a bar a set; [] where the suite has no two sets."""
    if len(results.sets) < 2:
        return []
    cards = []
    for spec in metrics:
        sets = [found for name in results.sets if (found := _of_set(results.clips, name, spec)) is not None]
        if sets:
            told = ", ".join(
                f"{one_line(each.name)} {number(each.value)} of {plural(each.clips, 'clip')}" for each in sets
            )
            cards.append(ChartCard(spec.title, set_bars_chart(spec.label, sets), (), told))
    return cards


def _card(
    spec: MetricSpec, clips: list[tuple[ClipScores, float]], reference: list[tuple[ClipScores, float]]
) -> ChartCard:
    drawn = [[(clip.name, value) for clip, value in each] for each in (clips, reference)]
    numbers = [value for _, value in (*clips, *reference)]
    told = f"mean {number(sum(value for _, value in clips) / len(clips))} of {plural(len(clips), 'clip')}"
    if reference:
        told += f", reference {number(sum(value for _, value in reference) / len(reference))} of {len(reference)}"
    svg = clip_values_chart(spec.label, drawn[0], drawn[1])
    return ChartCard(spec.title, svg, (number(min(numbers)), number(max(numbers))), told)


def _of_set(clips: Sequence[ClipScores], name: str, spec: MetricSpec) -> SetValue | None:
    ratios = [clip.metrics[spec.name] for clip in clips if clip.asked.set == name and spec.name in clip.metrics]
    metric = RatioMetric.of(ratios)
    if metric.value is None:
        return None
    section = EvaluateParams()
    draws = draw_clips(len(ratios), section.bootstrap_samples, section.seed)
    return SetValue(name, metric.value, len(ratios), *interval(metric.resampled(draws)))
