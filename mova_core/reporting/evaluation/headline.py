"""An evaluation in a sentence or two."""

from collections.abc import Sequence

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measuring.metric import MetricSpec
from mova_core.reporting.evaluation.numbers import number, span
from mova_core.reporting.evaluation.results import Results
from mova_core.reporting.wording import one_line, plural


def headline(results: Results) -> str:
    """What was measured, of how many clips, and how they stand beside the reference folder."""
    scores = results.scores
    measured = sum(metric.value is not None for metric in scores.metrics.values())
    of = f"{len(scores.metrics)} metrics"
    share = f"{measured} of {of}" if measured else f"none of {of}"
    missing = f" ({scores.suite.missing} of them missing)" if scores.suite.missing else ""
    clips = plural(scores.suite.clips, "clip")
    beside = _beside(results)
    return f"{one_line(results.name)}: {share} measured of {clips}{missing}{f'; {beside}' if beside else ''}."


def figures(results: Results, metrics: Sequence[MetricSpec]) -> str:
    """The values of a few metrics, with their intervals."""
    told = []
    for spec in metrics:
        metric = results.scores.metrics[spec.name]
        assert metric.value is not None
        ends = span(metric.low, metric.high)
        told.append(f"{spec.title} {number(metric.value)}{f' ({ends})' if ends else ''}")
    return f"{' · '.join(told)}." if told else ""


def _beside(results: Results) -> str | None:
    against = results.scores.against
    if against is None:
        return None
    known = {name: each for name, each in against.differences.items() if each.value is not None}
    found = list(known.values())
    if not found:
        return f"no two clips have the names of clips in {one_line(against.folder)}, so none are compared in pairs"
    better, worse = (sum(each.better is wanted for each in found) for wanted in (True, False))
    pairs = plural(max(each.pairs for each in found), "pair")
    directed = sum(CATALOGUE[name].better != "neither" for name in known)
    return f"better than {one_line(against.folder)} by {better} of {directed} metrics, worse by {worse} ({pairs})"
