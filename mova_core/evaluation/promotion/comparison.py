"""How a candidate's metric differs from the champion's: candidate less champion, with a 95 % interval.

    paired      clip by clip of the same prompt and seed, by the bootstrap of `scoring/paired.py`
    intervals   no value of each clip: the interval of a difference of two independent ones, from both intervals
    values      no interval either: the difference alone; whatever is worse counts as worse
`worse` or `better` is what lies beyond the interval on that side. What has no value on one of both sides is
`unavailable`.
Source of `intervals`: G. Y. Zou, A. Donner, Construction of confidence limits about effect measures, Statistics in
Medicine 27 (2008) 1693, equation 3.
"""

from dataclasses import asdict, dataclass, replace
from math import hypot
from typing import Any, Literal

from mova_core.errors import UsageError
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measuring.rounding import rounded
from mova_core.evaluation.promotion.stored_evaluation import StoredEvaluation
from mova_core.evaluation.scoring.paired import Difference, paired_difference, paired_gain
from mova_core.params.evaluation import EvaluateParams
from mova_core.registry.manifests import Metric

Verdict = Literal["better", "not worse", "worse", "unavailable", "not compared"]
Method = Literal["paired", "intervals", "values"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of both.

    Args:
        metric: its name.
        better: `higher`, `lower` or `neither`.
        candidate, champion: values; None is unavailable.
        verdict: on the candidate; `not compared` where no gate judges the metric.
        difference: candidate less champion, with `low` and `high`, the ends of its interval.
        pairs: clips that were compared, where they were.
        method: how.
        reason: why it is unavailable.
    """

    metric: str
    better: str
    candidate: float | None
    champion: float | None
    verdict: Verdict
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    pairs: int | None = None
    method: Method | None = None
    reason: str | None = None

    @property
    def gain(self) -> float | None:
        """The difference, positive where the candidate is better."""
        if self.difference is None:
            return None
        return self.difference if self.better == "higher" else -self.difference

    def described(self) -> dict[str, Any]:
        """As it stands in the evidence of a promotion."""
        described: dict[str, Any] = rounded(asdict(self))
        return described


def uncompared(name: str, candidate: StoredEvaluation, champion: StoredEvaluation) -> Comparison:
    """A metric that decides nothing: both values alone.

    Raises:
        UsageError: the two do not agree on which way a metric is better.
    """
    ours, theirs = candidate.metrics.get(name), champion.metrics.get(name)
    if ours is not None and theirs is not None and ours.better != theirs.better:
        raise UsageError(f"metric {name}: better is {ours.better} here, {theirs.better} for the champion")
    better = (ours or theirs or Metric(value=None, better="neither")).better
    candidate_value, champion_value = (None if each is None else each.value for each in (ours, theirs))
    return Comparison(name, better, candidate_value, champion_value, "not compared")


def compare(name: str, candidate: StoredEvaluation, champion: StoredEvaluation, section: EvaluateParams) -> Comparison:
    """Compare a metric that decides.

    Args:
        name: of the metric.
        candidate, champion: evaluations of the same suite, by the same version of the metric.
        section: size and seed of the bootstrap.
    """
    ours, theirs = candidate.metrics.get(name), champion.metrics.get(name)
    shown = uncompared(name, candidate, champion)
    for whose, metric in (("the candidate", ours), ("the champion", theirs)):
        if metric is None or metric.value is None:
            reason = (metric.unavailable if metric else None) or "it was not measured"
            return replace(shown, verdict="unavailable", reason=f"unavailable for {whose}: {reason}")
    assert ours is not None and theirs is not None
    found, method = _difference(name, candidate, champion, section)
    if found.value is None or found.low is None or found.high is None:
        reason = f"unavailable: {found.pairs} clips of both have a value, at least 2 are needed to compare"
        return replace(shown, verdict="unavailable", reason=reason)
    return replace(
        shown,
        verdict=_verdict(found.low, found.high, shown.better),
        difference=found.value,
        low=found.low,
        high=found.high,
        pairs=found.pairs or None,
        method=method,
    )


def _difference(
    name: str, candidate: StoredEvaluation, champion: StoredEvaluation, section: EvaluateParams
) -> tuple[Difference, Method]:
    spec, ours, theirs = CATALOGUE.get(name), candidate.metrics[name], champion.metrics[name]
    if spec is None:  # of another version of this project
        return _of_intervals(ours, theirs)
    names = sorted(candidate.clips.keys() & champion.clips.keys())
    sets = [candidate.clips[clip]["asked"].get("set") for clip in names]
    if spec.ratio is not None:
        values = candidate.values(name, names), champion.values(name, names)
        return paired_difference(spec, *values, sets, section), "paired"
    if (one := candidate.differences(name, names)) and (other := champion.differences(name, names)):
        return paired_gain(spec, one, other, section), "paired"
    return _of_intervals(ours, theirs)


def _of_intervals(ours: Metric, theirs: Metric) -> tuple[Difference, Method]:
    assert ours.value is not None and theirs.value is not None
    value = ours.value - theirs.value
    if ours.low is None or ours.high is None or theirs.low is None or theirs.high is None:
        return Difference(value, value, value), "values"
    down = hypot(ours.value - ours.low, theirs.high - theirs.value)
    up = hypot(ours.high - ours.value, theirs.value - theirs.low)
    return Difference(value, value - down, value + up), "intervals"


def _verdict(low: float, high: float, better: str) -> Verdict:
    if better == "lower":
        low, high = -high, -low
    return "worse" if high < 0 else "better" if low > 0 else "not worse"
