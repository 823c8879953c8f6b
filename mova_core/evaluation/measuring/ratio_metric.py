"""A number over clips as a ratio of sums, with a seeded bootstrap interval over the clips.

Every metric here has this form: F1 is 2 matches over events, an offset seconds over events, a share ones over clips.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COVERAGE = 0.95
Values = NDArray[np.float64]
Ratio = tuple[float, float]  # what one clip adds to the numerator and to the denominator
NOTHING: Ratio = (0.0, 0.0)  # of a clip in which there is nothing to measure


@dataclass(frozen=True, slots=True)
class RatioMetric:
    """Sum of `numerator` over sum of `denominator`, each [N], one entry a clip (or a pair)."""

    numerator: Values
    denominator: Values

    @classmethod
    def of(cls, ratios: Sequence[Ratio]) -> "RatioMetric":
        """The metric over clips, from what each adds."""
        numerators, denominators = zip(*ratios, strict=True) if ratios else ((), ())
        return cls(np.array(numerators, np.float64), np.array(denominators, np.float64))

    def ratios(self) -> list[Ratio]:
        """What each clip adds."""
        return [(float(one), float(other)) for one, other in zip(self.numerator, self.denominator, strict=True)]

    @property
    def value(self) -> float | None:
        """The ratio; None where there is nothing to divide by."""
        total = float(self.denominator.sum())
        return float(self.numerator.sum()) / total if total else None

    def resampled(self, draws_RN: NDArray[np.int64]) -> Values:
        """The ratio of each row of drawn clips, NaN where there is nothing to divide by."""
        total = self.denominator[draws_RN].sum(axis=1)
        return np.divide(
            self.numerator[draws_RN].sum(axis=1), total, out=np.full(len(draws_RN), np.nan), where=total > 0
        )


def draw_clips(clips: int, bootstrap_samples: int, seed: int) -> NDArray[np.int64]:
    """Clips drawn with replacement, [bootstrap_samples, clips]; the same for the same seed."""
    return np.random.default_rng([seed, clips]).integers(clips, size=(bootstrap_samples, clips))


def draw_halves(clips: int, samples: int, seed: int) -> NDArray[np.int64]:
    """Halves of the clips drawn without replacement, [samples, clips // 2]; the same for the same seed."""
    generator = np.random.default_rng([seed, clips])
    return np.stack([generator.permutation(clips)[: clips // 2] for _ in range(samples)])


def interval(values: Values) -> tuple[float, float] | tuple[None, None]:
    """The middle 95 % of resampled values, (None, None) if there are none."""
    known = values[np.isfinite(values)]
    if not known.size:
        return None, None
    low, high = np.quantile(known, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(low), float(high)
