"""Judges a measured grid: where each metric is best, what every other point loses, the Pareto front, the defaults.

A sweep picks the best of several noisy numbers, so points are compared with the best one in pairs (the same prompts and
noise at each), and a point counts as worse only where the bootstrap interval of the difference holds no 0.
"""

from collections.abc import Mapping, Sequence

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measure import MeasuredClips
from mova_core.evaluation.scoring.paired import paired_difference
from mova_core.evaluation.sweeps.axes import described
from mova_core.evaluation.sweeps.objectives import Objectives
from mova_core.evaluation.sweeps.pareto import pareto_front
from mova_core.evaluation.sweeps.result import Behind, Front, Suggestion, SweptPoint
from mova_core.params.evaluation import EvaluateParams

TEXT_KEPT = (
    "among the points that are not worse than the best in any metric of text following (the 95% bootstrap interval of "
    "the difference, clip by clip of the same noise, holds 0), the one whose {sync} is best; of equal ones that with "
    "the fewest passes, then the first"
)


def best_points(points: Mapping[int, SweptPoint], names: Sequence[str]) -> dict[str, int]:
    """Metric -> number of the point where it is best, of equal ones the first; without those that no point has.

    Args:
        points: the grid without its controls, by number.
        names: of metrics with a direction.
    """
    best = {}
    for name in names:
        known = {number: value for number, point in points.items() if (value := point.value(name)) is not None}
        if known:
            best[name] = max(known, key=lambda number: oriented(name, known[number]))
    return best


def oriented(name: str, value: float) -> float:
    """A metric's value, its sign changed where lower is better."""
    return value if CATALOGUE[name].better == "higher" else -value


def behind(
    number: int, best: Mapping[str, int], measured: Sequence[MeasuredClips], section: EvaluateParams
) -> dict[str, Behind]:
    """How a point differs from the best one, by metric.

    Args:
        number: of the point.
        best: of `best_points`.
        measured: of every point, by number.
        section: size and seed of the bootstrap.
    """
    found = {}
    for name, at in best.items():
        one, other = (measured[each].values[name] for each in (number, at))
        difference = paired_difference(CATALOGUE[name], one, other, measured[number].sets, section)
        numbers = difference.value, difference.low, difference.high
        found[name] = Behind.model_validate(
            dict(zip(("value", "low", "high"), numbers, strict=True)) | {"worse": difference.better is False}
        )
    return found


def front(points: Mapping[int, SweptPoint], objectives: Objectives) -> Front:
    """The points that no other one beats in sync and text following.

    Args:
        points: the grid without its controls, by number.
        objectives: metrics of both.
    """
    if objectives.unavailable:
        return Front(points=[], left_out={}, unavailable=_why(objectives))
    left_out = {number: reason for number, point in points.items() if (reason := _lost(point, objectives))}
    kept = [number for number in points if number not in left_out]
    values = [[oriented(name, points[number].value(name) or 0.0) for name in objectives.names] for number in kept]
    chosen = [kept[index] for index in pareto_front(values)]
    return Front(points=chosen, left_out=left_out, unavailable=None if kept else "no point has a value of each metric")


def suggest(
    points: Mapping[int, SweptPoint],
    objectives: Objectives,
    best: Mapping[str, int],
    controls: Sequence[SweptPoint] = (),
) -> Suggestion:
    """The settings to take as defaults, by the rule of `TEXT_KEPT`.

    Args:
        points: the grid without its controls, by number, each with what it is behind.
        objectives: metrics of sync and text following.
        best: of `best_points`.
        controls: points without the Bridge; the one that belongs to the suggestion is told beside it.
    """
    if objectives.sync is None or objectives.unavailable:
        return _no_suggestion("", _why(objectives))
    sync = objectives.sync
    rule = TEXT_KEPT.format(sync=CATALOGUE[sync].label)
    whole = {number: point for number, point in points.items() if not _lost(point, objectives)}
    faithful = {
        number: point
        for number, point in whole.items()
        if all(name in point.behind and not point.behind[name].worse for name in objectives.text)
    }
    if not faithful:
        return _no_suggestion(rule, "no point is as good as the best in every metric of text following")

    def order(number: int) -> tuple[float, int]:
        return -oriented(sync, faithful[number].value(sync) or 0.0), faithful[number].passes

    chosen = min(faithful, key=order)
    point = faithful[chosen]
    kept = f"{len(faithful)} of {len(points)} points"
    values = ", ".join(f"{CATALOGUE[name].label} {point.value(name):.3f}" for name in objectives.names)
    return Suggestion(
        point=chosen,
        settings=point.settings,
        rule=rule,
        reason=f"{described(point.settings)}: {values}{_beside(point, sync, controls)}; {kept} keep to the text",
        cost=_cost(point, points, best),
        unavailable=None,
    )


def _beside(point: SweptPoint, sync: str, controls: Sequence[SweptPoint]) -> str:
    """The sync of a point's control, which has its settings but for the Bridge."""
    control = next((each for each in controls if each.settings.items() <= point.settings.items()), None)
    value = None if control is None else control.value(sync)
    return "" if value is None else f" ({CATALOGUE[sync].label} with the Bridge off {value:.3f})"


def _cost(point: SweptPoint, points: Mapping[int, SweptPoint], best: Mapping[str, int]) -> list[str]:
    """What a point gives up against the best of the grid, and the passes that it needs."""
    fewest = min(points.values(), key=lambda each: each.passes)
    told = [f"{point.passes} passes of the towers for a clip; the fewest of the grid are {fewest.passes}"]
    for name, at in best.items():
        difference = point.behind.get(name)
        if difference is not None and difference.worse:
            spec, there = CATALOGUE[name], points[at]
            told.append(
                f"{spec.label}: {point.value(name):.3f}, and {there.value(name):.3f} at {described(there.settings)}"
                f" (difference {difference.value:+.3f}, {difference.low:+.3f} to {difference.high:+.3f})"
            )
    return told


def _lost(point: SweptPoint, objectives: Objectives) -> str:
    """Why a point cannot be compared; empty where it can."""
    lost = [name for name in objectives.names if point.value(name) is None]
    return "; ".join(
        f"{name}: {metric.unavailable if (metric := point.metrics.get(name)) else 'it was not measured'}"
        for name in lost
    )


def _why(objectives: Objectives) -> str:
    words = {"sync": "sync", "text": "text following"}
    return "; ".join(f"no metric of {words[kind]} ({why})" for kind, why in objectives.unavailable.items())


def _no_suggestion(rule: str, reason: str) -> Suggestion:
    return Suggestion(point=None, settings={}, rule=rule, reason="", cost=[], unavailable=reason)
