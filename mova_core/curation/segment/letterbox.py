"""Detect letterbox bars on the luma of a whole source: bars that a person would crop, but never a dark scene.

The detector keeps one image: the maximum of each pixel over time. A line (row or column) of it is blank when nearly all
its pixels are dark. That alone would crop a dark stage or a vignette, so two more conditions hold: the lines of a bar
are all alike, and right behind the bar the image is bright along most of the line. Sizes are coded pixels; luma is 0
(black) to 255.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LOOK_EVERY_S = 0.5
BLANK_SHARE = 0.98  # of a blank line's pixels are dark; the rest may be specks of noise
SOFT_EDGE_PX = 4  # scaling and compression smear a letterbox bar's edge over as many lines
FLATNESS = 10  # luma by which the lines of one letterbox bar may differ
IMAGE_SHARE = 0.5  # of the line behind a bar's edge is brighter than the bar
LEAST_PX = 2  # one dark line at a frame's edge is left alone
LEAST_KEPT_SHARE = 0.2  # of a side; where less would be left there is no frame to crop to

Luma = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Coded pixels to crop at each side."""

    top_px: int = 0
    bottom_px: int = 0
    left_px: int = 0
    right_px: int = 0


class LetterboxDetector:
    """Looks at two frames a second.

    Args:
        letterbox_luma: a letterbox bar never gets brighter than this, 0..255.
    """

    def __init__(self, letterbox_luma: int) -> None:
        self._letterbox_luma = letterbox_luma
        self._brightest: Luma | None = None
        self._next_look_s = -np.inf

    def wants(self, time_s: float) -> bool:
        """Whether the frame shown at this time should be added."""
        return time_s >= self._next_look_s

    def add(self, time_s: float, luma: Luma) -> None:
        """Look at one frame, uint8 [height, width]; all frames have the same size."""
        self._next_look_s = time_s + LOOK_EVERY_S
        self._brightest = luma.copy() if self._brightest is None else np.maximum(self._brightest, luma)

    def letterbox(self) -> Letterbox:
        """The letterbox bars of all frames so far; none where there was no frame, or nothing but black."""
        if self._brightest is None:
            return Letterbox()
        top, bottom = _blank_ends(_line_levels(self._brightest), self._letterbox_luma)
        left, right = _blank_ends(_line_levels(self._brightest.T), self._letterbox_luma)
        height, width = self._brightest.shape
        inside = self._brightest[top : height - bottom, left : width - right]
        if inside.shape[0] < LEAST_KEPT_SHARE * height or inside.shape[1] < LEAST_KEPT_SHARE * width:
            return Letterbox()
        # Each side's frame as rows, the side's own edge first.
        sides = {"top_px": (top, inside), "bottom_px": (bottom, inside[::-1])}
        sides |= {"left_px": (left, inside.T), "right_px": (right, inside.T[::-1])}
        return Letterbox(**{side: px for side, (px, image) in sides.items() if self._image_begins(image)})

    def _image_begins(self, image: Luma) -> bool:
        return bool((image[:SOFT_EDGE_PX] > self._letterbox_luma).mean(axis=1).max() >= IMAGE_SHARE)


def _line_levels(brightest: Luma) -> Luma:
    """What nearly all pixels of each row stay at or below, [rows]."""
    index = int(BLANK_SHARE * (brightest.shape[1] - 1))
    return np.partition(brightest, index, axis=1)[:, index]


def _blank_ends(levels: Luma, letterbox_luma: int) -> tuple[int, int]:
    """How many lines are blank at the start and at the end; all of them where nothing is bright."""
    return _blank_start(levels, letterbox_luma), _blank_start(levels[::-1], letterbox_luma)


def _blank_start(levels: Luma, letterbox_luma: int) -> int:
    bright = np.flatnonzero(levels > letterbox_luma)
    count = int(bright[0]) if len(bright) else len(levels)
    if count < LEAST_PX:
        return 0
    flat = levels[: max(count - SOFT_EDGE_PX, (count + 1) // 2)]
    return count if int(flat.max()) - int(flat.min()) <= FLATNESS else 0
