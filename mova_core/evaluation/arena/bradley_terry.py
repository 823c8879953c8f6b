"""Bradley-Terry strengths of the contenders by maximum likelihood: unlike Elo, the order of votes has no part in them.

Contender i beats j with probability 1 / (1 + exp(s_j - s_i)); a tie counts as half a win of each. The likelihood has a
finite maximum only if no group of contenders has every point against the rest (Assumption 1 of D. R. Hunter, MM
algorithms for generalized Bradley-Terry models, Annals of Statistics 32, 2004): otherwise there are no strengths, and
the reason is told. Found by Newton's method with halved steps; the log-likelihood is concave. The interval is Wald's,
from the observed information. Strengths are shown on Elo's scale: mean 1000, 400 points are odds of ten to one.
"""

import numpy as np
from numpy.typing import NDArray

from mova_core.evaluation.arena.comparison import Votes
from mova_core.evaluation.arena.elo import BASE, SCALE, START, Rating
from mova_core.measures.clip import Unavailable

POINTS_PER_STRENGTH = SCALE / np.log(BASE)
TOLERANCE = 1e-10  # of a strength
MOST_STEPS = 200
NORMAL_QUANTILE = 1.959964  # of 97.5 %

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]


def bradley_terry(votes: Votes) -> dict[str, Rating] | Unavailable:
    """Each contender's strength on Elo's scale, or why there is none."""
    points_CC = votes.points_CC
    if reason := _unbounded(points_CC, votes.contenders):
        return Unavailable(reason)
    strength_C = _most_likely(points_CC)
    deviation_C = np.sqrt(np.diag(_covariance(points_CC, strength_C)))
    reach_C = NORMAL_QUANTILE * deviation_C * POINTS_PER_STRENGTH
    value_C = START + POINTS_PER_STRENGTH * strength_C
    ratings = zip(votes.contenders, value_C, reach_C, strict=True)
    return {name: Rating(float(value), float(value - reach), float(value + reach)) for name, value, reach in ratings}


def _unbounded(points_CC: Matrix, contenders: tuple[str, ...]) -> str | None:
    """Why the likelihood has no finite maximum; None where it has one."""
    reached_CC = (points_CC > 0) | np.eye(len(contenders), dtype=bool)
    for middle in range(len(contenders)):  # Warshall: who is reached over others
        reached_CC |= reached_CC[:, [middle]] & reached_CC[[middle]]
    met_CC = (points_CC + points_CC.T > 0) | np.eye(len(contenders), dtype=bool)
    for middle in range(len(contenders)):
        met_CC |= met_CC[:, [middle]] & met_CC[[middle]]
    if not met_CC.all():
        apart = _names(contenders, met_CC[0])
        return f"nobody compared {apart} with the other contenders: vote on pairs across the groups"
    if reached_CC.all():
        return None
    # Those that the weakest reach: a group against which nobody else lost a point.
    fewest = int(np.argmin(reached_CC.sum(axis=1)))
    return f"{_names(contenders, reached_CC[fewest])} scored no point against the others: more votes are needed"


def _names(contenders: tuple[str, ...], chosen_C: NDArray[np.bool_]) -> str:
    return ", ".join(name for name, chosen in zip(contenders, chosen_C, strict=True) if chosen)


def _most_likely(points_CC: Matrix) -> Vector:
    """Strengths with mean 0 at the maximum of the likelihood."""
    strength_C = np.zeros(len(points_CC))
    for _ in range(MOST_STEPS):
        score_C = (points_CC - (points_CC + points_CC.T) * _wins(strength_C)).sum(axis=1)
        step_C = _covariance(points_CC, strength_C) @ score_C
        before = _log_likelihood(points_CC, strength_C)
        while np.abs(step_C).max() > TOLERANCE and _log_likelihood(points_CC, strength_C + step_C) < before:
            step_C = step_C / 2
        strength_C = strength_C + step_C
        if np.abs(step_C).max() <= TOLERANCE:
            break
    return strength_C - strength_C.mean()


def _wins(strength_C: Vector) -> Matrix:
    """Probability [C, C] that the contender of a row beats that of a column."""
    return 1 / (1 + np.exp(strength_C[None] - strength_C[:, None]))


def _covariance(points_CC: Matrix, strength_C: Vector) -> Matrix:
    """Covariance [C, C] of the strengths with their mean held: the pseudo-inverse of the Fisher information."""
    wins_CC = _wins(strength_C)
    weight_CC = (points_CC + points_CC.T) * wins_CC * (1 - wins_CC)
    information_CC = np.diag(weight_CC.sum(axis=1)) - weight_CC
    # It is singular along equal strengths alone. What is added there, on its own scale, is taken off again.
    count, scale = len(points_CC), np.trace(information_CC)
    return np.linalg.inv(information_CC + scale / count) - 1 / (scale * count)


def _log_likelihood(points_CC: Matrix, strength_C: Vector) -> float:
    return -float((points_CC * np.logaddexp(0, strength_C[None] - strength_C[:, None])).sum())
