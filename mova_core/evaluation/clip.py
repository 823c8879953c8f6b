"""A clip to measure, and what metrics have found in it so far: each feature is computed once, when first asked for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Feature = TypeVar("Feature")


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One clip.

    Args:
        frames: uint8 [F, H, W, 3] RGB.
        audio: float32 [S], full scale 1.
        label: class that its text asks for, a key of `KINDS`; None where it has no known one.
        fps: frames per second.
        rate_hz: audio samples per second.
    """

    frames: NDArray[np.uint8]
    audio: NDArray[np.float32]
    label: str | None
    fps: float
    rate_hz: int
    _features: dict[Callable[["Clip"], Any], Any] = field(default_factory=dict, repr=False)

    def get(self, feature: Callable[["Clip"], Feature]) -> Feature:
        """What `feature` finds in this clip; it is called once a clip."""
        if feature not in self._features:
            self._features[feature] = feature(self)
        found: Feature = self._features[feature]
        return found


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
