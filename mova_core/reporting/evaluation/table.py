"""Metrics of one evaluation as a table: value and interval, n of N clips, the reference's value, the difference."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measuring.metric import MetricSpec
from mova_core.evaluation.scoring.paired import Difference
from mova_core.registry.manifests import Metric
from mova_core.reporting.evaluation.groups import by_group
from mova_core.reporting.evaluation.numbers import number, signed, span
from mova_core.reporting.evaluation.published import COLUMNS, ROWS, SUITE
from mova_core.reporting.evaluation.results import Results
from mova_core.reporting.wording import one_line, plural

DIRECTIONS = {"higher": "↑ higher is better", "lower": "↓ lower is better", "neither": ""}
REASONS_SHOWN = 3  # of the clips that a value is not of


@dataclass(frozen=True, slots=True)
class Compared:
    """How the clips differ from those of the same names in the reference folder; `css` colours the verdict."""

    difference: str
    interval: str | None
    pairs: str
    verdict: str
    css: str


@dataclass(frozen=True, slots=True)
class Row:
    """One metric that was measured; `missing` says why not in some clips, `compared` is None where it was not."""

    spec: MetricSpec
    direction: str
    value: str
    interval: str | None
    shuffled: str | None
    clips: str | None
    missing: str
    reference: str | None
    compared: Compared | None


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """The MOVA report's rows; `ours` are these clips' values where the metric is the same, None elsewhere."""

    same_suite: bool
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    ours: tuple[str | None, ...]


def metric_rows(results: Results) -> dict[str, list[Row]]:
    """Group -> rows of its metrics that have a value."""
    metrics = results.scores.metrics
    differences = results.scores.against.differences if results.scores.against else {}
    groups = by_group([name for name, metric in metrics.items() if metric.value is not None])
    told = unmeasured(results)
    return {
        title: [_row(spec, metrics[spec.name], differences.get(spec.name), told) for spec in specs]
        for title, specs in groups.items()
    }


def unmeasured(results: Results) -> Counter[str]:
    """Why clips could be measured by no metric at all, such as a file that does not decode: reason -> clips."""
    lost = (clip for clip in results.clips if not clip.metrics)
    return Counter(next(iter(why)) for clip in lost if len(why := set(clip.unavailable.values())) == 1)


def published_table(results: Results) -> PublishedTable:
    """The report's rows beside these clips' values."""
    metrics = results.scores.metrics
    found = (metrics.get(column.metric) if column.metric else None for column in COLUMNS)
    return PublishedTable(
        same_suite=results.scores.suite.name == SUITE,
        columns=tuple(f"{column.label} {'↑' if column.better == 'higher' else '↓'}" for column in COLUMNS),
        rows=tuple((name, tuple(map(number, values))) for name, values in ROWS.items()),
        ours=tuple(None if metric is None or metric.value is None else number(metric.value) for metric in found),
    )


def reasons(results: Results) -> dict[str, list[str]]:
    """Why metrics have no value, reason -> titles of the metrics."""
    found: dict[str, list[str]] = {}
    for name, metric in results.scores.metrics.items():
        if metric.value is None:
            found.setdefault(metric.unavailable or "it was not measured", []).append(CATALOGUE[name].title)
    return found


def missing_clips(results: Results) -> dict[str, tuple[int, list[str]]]:
    """Why metrics have no value in some clips, reason -> most clips of one metric, titles of the metrics."""
    found: dict[str, tuple[int, list[str]]] = {}
    for name, metric in results.scores.metrics.items():
        for reason, clips in metric.missing.items() if metric.value is not None else ():
            most, titles = found.get(reason, (0, []))
            found[reason] = max(most, clips), [*titles, CATALOGUE[name].title]
    return found


def _row(spec: MetricSpec, metric: Metric, difference: Difference | None, told: Mapping[str, int]) -> Row:
    """`told` are the missing clips of the whole evaluation, which are not said again."""
    assert metric.value is not None
    counted = None if metric.clips is None else f"{metric.clips} of {metric.of}"
    return Row(
        spec,
        DIRECTIONS[spec.better],
        number(metric.value),
        None if metric.clips == 1 else span(metric.low, metric.high),
        None if metric.shuffled is None else number(metric.shuffled),
        counted,
        _missing(
            {reason: more for reason, clips in metric.missing.items() if (more := clips - told.get(reason, 0)) > 0}
        ),
        None if metric.data is None else number(metric.data),
        None if difference is None or difference.value is None else _compared(spec, difference, difference.value),
    )


def _missing(missing: Mapping[str, int]) -> str:
    most = sorted(missing.items(), key=lambda each: -each[1])
    told = [f"{clips} × {one_line(reason)}" for reason, clips in most[:REASONS_SHOWN]]
    rest = sum(clips for _, clips in most[REASONS_SHOWN:])
    return "; ".join([*told, *([f"{rest} × other reasons"] if rest else [])])


def _compared(spec: MetricSpec, difference: Difference, value: float) -> Compared:
    verdict, css = {True: ("✔ better", "ok"), False: ("✘ worse", "broken"), None: ("no clear difference", "soft")}[
        difference.better
    ]
    if spec.better == "neither":
        verdict, css = "", "soft"
    pairs = plural(difference.pairs, "pair")
    if difference.low == difference.high == 0:
        return Compared(number(0.0), None, pairs, "the same in every pair", "soft")
    return Compared(signed(value), span(difference.low, difference.high), pairs, verdict, css)
