"""What the clips of an evaluation are compared with."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mova_core.measures.clip import Clip


@dataclass(frozen=True, slots=True)
class Reference:
    """What clips are compared with.

    Args:
        clips: validation clips; [] if there are none.
        audible_above_lufs: loudness above which a clip counts as audible (params, `assess.lufs_above`).
    """

    clips: list[Clip]
    audible_above_lufs: float

    def mean(self, feature: Callable[[Clip], float | None]) -> float | None:
        """Mean of a feature over the validation clips that have it; None if none has."""
        known = [value for clip in self.clips if (value := clip.get(feature)) is not None]
        return float(np.mean(known)) if known else None
