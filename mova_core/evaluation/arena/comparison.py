"""Votes as numbers: who was compared with whom, and what the first of the two scored.

Shape suffixes: V votes in the order of time, C contenders.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WIN, TIE, LOSS = 1.0, 0.5, 0.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """One vote in one dimension.

    Args:
        first, second: two contenders.
        score: of the first: WIN, TIE or LOSS.
    """

    first: str
    second: str
    score: float


@dataclass(frozen=True, slots=True)
class Votes:
    """Votes in one dimension.

    Args:
        contenders: their names, sorted.
        first_V, second_V: who was compared, as places in `contenders`.
        score_V: of the first.
    """

    contenders: tuple[str, ...]
    first_V: NDArray[np.int64]
    second_V: NDArray[np.int64]
    score_V: NDArray[np.float64]

    @classmethod
    def of(cls, comparisons: Sequence[Comparison]) -> "Votes":
        """The votes as arrays, in the order given."""
        names = {name for comparison in comparisons for name in (comparison.first, comparison.second)}
        contenders = tuple(sorted(names))
        place = {name: index for index, name in enumerate(contenders)}
        return cls(
            contenders,
            np.array([place[comparison.first] for comparison in comparisons], np.int64),
            np.array([place[comparison.second] for comparison in comparisons], np.int64),
            np.array([comparison.score for comparison in comparisons], np.float64),
        )

    @property
    def points_CC(self) -> NDArray[np.float64]:
        """What each contender (row) scored against each other one: wins, and half of the ties."""
        points = np.zeros((len(self.contenders),) * 2)
        np.add.at(points, (self.first_V, self.second_V), self.score_V)
        np.add.at(points, (self.second_V, self.first_V), WIN - self.score_V)
        return points
