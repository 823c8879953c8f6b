"""What a scale costs beyond its best: how much worse a metric is at each higher scale."""

from collections.abc import Sequence
from dataclasses import dataclass

from mova_core.evaluation.measuring.metric import Direction


@dataclass(frozen=True, slots=True)
class BestScale:
    """Where a metric is best along one setting.

    Args:
        index: of the best scale; of equal ones the lowest.
        losses: of each scale beyond it, how much worse the metric is there, at least 0.
    """

    index: int
    losses: tuple[float, ...]


def best_scale(values: Sequence[float], better: Direction) -> BestScale | None:
    """The best of a metric's values.

    Args:
        values: by rising scale.
        better: direction of the metric.

    Returns:
        None where there is no value, or no direction.
    """
    if not values or better == "neither":
        return None
    sign = 1 if better == "higher" else -1
    index = max(range(len(values)), key=lambda at: sign * values[at])
    return BestScale(index, tuple(sign * (values[index] - value) for value in values[index + 1 :]))
