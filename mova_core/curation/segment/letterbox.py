"""Blank borders of a picture, measured on luma over a whole source: what a person would crop, and no dark scene.

Kept is one picture: the brightest each pixel has been. A line (row or column) of it is blank when nearly all its pixels
are dark. That alone would crop a dark stage or a vignette; but a border is drawn with a ruler: its lines are all alike,
and right behind it the picture begins along most of its length. Coded pixels; luma 0 (black) to 255.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LOOK_EVERY_S = 0.5
BLANK_SHARE = 0.98  # of a blank line's pixels are dark; specks of noise are not picture
SOFT_EDGE_PX = 4  # scaling and compression smear a border's edge over as many lines
FLATNESS = 10  # luma by which the lines of one border may differ
PICTURE_SHARE = 0.5  # of the line behind a border's edge is brighter than the border
LEAST_PX = 2  # one dark line at a picture's edge is left alone
LEAST_KEPT_SHARE = 0.2  # of a side; where less would be left there is no picture to crop to

Luma = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Borders:
    """Coded pixels to crop at each side."""

    top_px: int = 0
    bottom_px: int = 0
    left_px: int = 0
    right_px: int = 0


class BorderFinder:
    """Looks at two pictures a second.

    Args:
        border_luma: a border never gets brighter than this, 0..255.
    """

    def __init__(self, border_luma: int) -> None:
        self._border_luma = border_luma
        self._brightest: Luma | None = None
        self._next_look_s = -np.inf

    def wants(self, time_s: float) -> bool:
        """Whether the picture shown at this time should be added."""
        return time_s >= self._next_look_s

    def add(self, time_s: float, luma: Luma) -> None:
        """Look at one picture, uint8 [height, width]; all pictures have the same size."""
        self._next_look_s = time_s + LOOK_EVERY_S
        self._brightest = luma.copy() if self._brightest is None else np.maximum(self._brightest, luma)

    def borders(self) -> Borders:
        """The borders of all pictures so far; none where there was no picture, or nothing but black."""
        if self._brightest is None:
            return Borders()
        top, bottom = _blank_ends(_line_levels(self._brightest), self._border_luma)
        left, right = _blank_ends(_line_levels(self._brightest.T), self._border_luma)
        height, width = self._brightest.shape
        inside = self._brightest[top : height - bottom, left : width - right]
        if inside.shape[0] < LEAST_KEPT_SHARE * height or inside.shape[1] < LEAST_KEPT_SHARE * width:
            return Borders()
        # Each side's picture as rows, the side's own edge first.
        sides = {"top_px": (top, inside), "bottom_px": (bottom, inside[::-1])}
        sides |= {"left_px": (left, inside.T), "right_px": (right, inside.T[::-1])}
        return Borders(**{side: px for side, (px, picture) in sides.items() if self._picture_begins(picture)})

    def _picture_begins(self, picture: Luma) -> bool:
        return bool((picture[:SOFT_EDGE_PX] > self._border_luma).mean(axis=1).max() >= PICTURE_SHARE)


def _line_levels(brightest: Luma) -> Luma:
    """What nearly all pixels of each row stay at or below, [rows]."""
    index = int(BLANK_SHARE * (brightest.shape[1] - 1))
    return np.partition(brightest, index, axis=1)[:, index]


def _blank_ends(levels: Luma, border_luma: int) -> tuple[int, int]:
    """How many lines are blank at the start and at the end; all of them where nothing is bright."""
    return _blank_start(levels, border_luma), _blank_start(levels[::-1], border_luma)


def _blank_start(levels: Luma, border_luma: int) -> int:
    bright = np.flatnonzero(levels > border_luma)
    count = int(bright[0]) if len(bright) else len(levels)
    if count < LEAST_PX:
        return 0
    flat = levels[: max(count - SOFT_EDGE_PX, (count + 1) // 2)]
    return count if int(flat.max()) - int(flat.min()) <= FLATNESS else 0
