"""The metrics of two checkpoints side by side, as far as they were measured on the same suite."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.registry.database.tables import Checkpoint, Evaluation

Verdict = Literal["a is better", "b is better", "no clear difference", "not compared"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric's value and its 95 % bootstrap interval; None: unavailable, or it comes without an interval."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class MetricPair:
    """One metric of both; `verdict` names the better one only where the two intervals do not overlap."""

    metric: str
    better: str
    a: Estimate
    b: Estimate
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics by name.

    Args:
        suite_a: what the first checkpoint was evaluated on; None: not evaluated.
        suite_b: the second's.
        same_suite: both are the same, seeds included: only then values compare.
        pairs: of all metrics of both.
    """

    suite_a: dict[str, Any] | None
    suite_b: dict[str, Any] | None
    same_suite: bool
    pairs: list[MetricPair]


def metrics_of(session: Session, a: Checkpoint, b: Checkpoint) -> Metrics:
    """Evaluations on the same suite where there are such, else those that each was selected by."""
    ours, theirs = _evaluations(session, a), _evaluations(session, b)
    one, other = next(
        ((one, other) for one in ours for other in theirs if one.suite == other.suite),
        (next(iter(ours), None), next(iter(theirs), None)),
    )
    same = one is not None and other is not None and one.suite == other.suite
    values, others = ({} if each is None else each.metrics for each in (one, other))
    pairs = [_pair(name, values.get(name, {}), others.get(name, {}), same) for name in sorted({*values, *others})]
    return Metrics(one.suite if one else None, other.suite if other else None, same, pairs)


def _evaluations(session: Session, checkpoint: Checkpoint) -> list[Evaluation]:
    """Those of a checkpoint, the one that it was selected by first."""
    query = sa.select(Evaluation).where(Evaluation.checkpoint_id == checkpoint.checkpoint_id)
    selected_by = (checkpoint.selection or {}).get("evaluation_sha256")
    found = session.scalars(query.order_by(Evaluation.evaluation_id))
    return sorted(found, key=lambda each: each.evaluation_id != selected_by)


def _pair(name: str, a: Mapping[str, Any], b: Mapping[str, Any], same_suite: bool) -> MetricPair:
    better = a.get("better") or b["better"]
    known = same_suite and a.get("version", 1) == b.get("version", 1) and b.get("better", better) == better
    one, other = _estimate(a), _estimate(b)
    return MetricPair(name, better, one, other, _verdict(one, other, better) if known else "not compared")


def _estimate(metric: Mapping[str, Any]) -> Estimate:
    return Estimate(metric.get("value"), metric.get("low"), metric.get("high"))


def _verdict(a: Estimate, b: Estimate, better: str) -> Verdict:
    if a.low is None or a.high is None or b.low is None or b.high is None or better == "neither":
        return "not compared"
    if a.low <= b.high and b.low <= a.high:
        return "no clear difference"
    return "a is better" if (a.low > b.high) == (better == "higher") else "b is better"
