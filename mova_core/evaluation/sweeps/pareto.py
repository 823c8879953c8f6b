"""The Pareto front: points that no other point beats in one objective without being beaten in another."""

from collections.abc import Sequence


def pareto_front(points: Sequence[Sequence[float]]) -> list[int]:
    """Indices of the points that are not dominated, in their order.

    A point is dominated by one that is at least as good in every objective and better in one. Equal points do not
    dominate each other: both are of the front, or neither.

    Args:
        points: the objectives of each, in the same order; higher is better.
    """
    return [index for index, point in enumerate(points) if not any(_dominates(other, point) for other in points)]


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(mine >= its for mine, its in pairs) and any(mine > its for mine, its in pairs)
