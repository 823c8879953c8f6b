"""Elo ratings of the arena, as the MOVA report computes them, with a bootstrap interval over the votes.

A vote moves both contenders by K (score - expected), where the first is expected to score
1 / (1 + base^((second - first) / scale)); a tie scores half. Start 1000, K 4, scale 400, base 10, 1000 bootstrap
rounds: MOVA report (arXiv:2602.08794), human evaluation; formula: A. E. Elo, The Rating of Chessplayers (1978).
With so small a K a rating still moves towards its place after hundreds of votes, and the order of votes hardly matters.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mova_core.evaluation.arena.comparison import Votes

START = 1000.0
K = 4.0
SCALE = 400.0
BASE = 10.0
ROUNDS = 1000  # of the bootstrap
COVERAGE = 0.95


@dataclass(frozen=True, slots=True)
class Rating:
    """A contender's rating and its 95 % interval."""

    value: float
    low: float
    high: float


def elo(votes: Votes, seed: int, rounds: int = ROUNDS) -> dict[str, Rating]:
    """Each contender's Elo after all votes, in their order.

    Args:
        votes: in the order of time.
        seed: of the bootstrap.
        rounds: of the bootstrap; in each as many votes are drawn with replacement, and counted in the order of time.
    """
    count = len(votes.score_V)
    drawn_RV = np.sort(np.random.default_rng(seed).integers(count, size=(rounds, count)), axis=1)
    (value_C,) = _after(votes, np.arange(count)[None])
    low_C, high_C = np.quantile(_after(votes, drawn_RV), [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2], axis=0)
    ratings = zip(votes.contenders, value_C, low_C, high_C, strict=True)
    return {name: Rating(float(value), float(low), float(high)) for name, value, low, high in ratings}


def _after(votes: Votes, order_RV: NDArray[np.int64]) -> NDArray[np.float64]:
    """Ratings [R, C] after the votes of each row, counted from left to right."""
    rows = np.arange(len(order_RV))
    rating_RC = np.full((len(order_RV), len(votes.contenders)), START)
    for vote_R in order_RV.T:
        first_R, second_R = votes.first_V[vote_R], votes.second_V[vote_R]
        ahead_R = rating_RC[rows, first_R] - rating_RC[rows, second_R]
        gain_R = K * (votes.score_V[vote_R] - 1 / (1 + BASE ** (-ahead_R / SCALE)))
        rating_RC[rows, first_R] += gain_R
        rating_RC[rows, second_R] -= gain_R
    return rating_RC
