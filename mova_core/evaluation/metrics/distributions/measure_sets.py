"""Fréchet distance, kernel distance and inception score of a set of clips, each with a seeded bootstrap interval.

The interval says how much the value depends on which clips were drawn. It is the spread of the resampled values about
their own mean, set around the value: drawing with replacement repeats clips, which biases these numbers once more the
way few clips do, and that shift is no spread. The bias of the value itself is not in it.
Shape suffixes: N clips judged, M clips they are judged against, D dimensions, K classes.
Source: B. Efron and R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 10 and 13.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from mova_core.evaluation.metrics.distributions.frechet_distance import Gaussian, frechet_distance
from mova_core.evaluation.metrics.distributions.inception_score import inception_score
from mova_core.evaluation.metrics.distributions.kernel_distance import kernel_distance, resampled_kernel_distances
from mova_core.evaluation.metrics.ratio_metric import draw_clips, interval
from mova_core.measures.clip import Unavailable

FEWEST = 2  # clips, for a covariance or a pair

Rows = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class SetMeasure:
    """A number of a whole set of clips, and its interval of 95 %; None where resampling leaves nothing."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Resampling of clips with replacement.

    Args:
        samples: resampled sets.
        seed: of the draws.
    """

    samples: int
    seed: int

    def around(
        self, value: float, clips: int, resampled: Callable[[NDArray[np.int64]], NDArray[np.float64]], least: float
    ) -> SetMeasure:
        """The value with its interval.

        Args:
            value: of the clips as they are.
            clips: how many there are.
            resampled: the values of drawn clips [samples, clips], [samples].
            least: what no value lies below.
        """
        values = resampled(draw_clips(clips, self.samples, self.seed))
        low, high = interval(values - np.nanmean(values)) if np.isfinite(values).any() else (None, None)
        if low is None or high is None:
            return SetMeasure(value, None, None)
        return SetMeasure(value, max(value + low, least), value + high)


def frechet_measure(judged_ND: Rows, against_MD: Rows, bootstrap: Bootstrap) -> SetMeasure | Unavailable:
    """Fréchet distance of embeddings; the clips judged against are not resampled."""
    if missing := _missing(judged_ND, "judged") or _missing(against_MD, "judged against"):
        return missing
    reference = Gaussian.of_embeddings(against_MD)

    def distance(embeddings_ND: Rows) -> float:
        return frechet_distance(Gaussian.of_embeddings(embeddings_ND), reference)

    return bootstrap.around(
        distance(judged_ND),
        len(judged_ND),
        lambda draws: np.array([distance(judged_ND[row]) for row in draws]),
        least=0.0,
    )


def kernel_measure(judged_ND: Rows, against_MD: Rows, bootstrap: Bootstrap) -> SetMeasure | Unavailable:
    """Kernel distance of embeddings; the clips judged against are not resampled."""
    if missing := _missing(judged_ND, "judged") or _missing(against_MD, "judged against"):
        return missing
    return bootstrap.around(
        kernel_distance(judged_ND, against_MD),
        len(judged_ND),
        lambda draws: resampled_kernel_distances(judged_ND, against_MD, draws),
        least=-inf,
    )


def inception_measure(probabilities_NK: Rows, bootstrap: Bootstrap) -> SetMeasure | Unavailable:
    """Inception score of class probabilities, all clips in one split."""
    if missing := _missing(probabilities_NK, "judged"):
        return missing
    return bootstrap.around(
        inception_score(probabilities_NK),
        len(probabilities_NK),
        lambda draws: np.array([inception_score(probabilities_NK[row]) for row in draws]),
        least=1.0,
    )


def _missing(rows: Rows, which: str) -> Unavailable | None:
    if len(rows) < FEWEST:
        return Unavailable(f"the clips {which} are {len(rows)}: at least {FEWEST} are needed")
    wrong = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    return (
        Unavailable(f"the clips {which} have values that are no numbers, first clip {wrong[0]}") if len(wrong) else None
    )
