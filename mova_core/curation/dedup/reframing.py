"""Whether frames of one source are a part of another's, or of their mirror image: cropped and mirrored copies.

A rectangle of the thumbnails of one is looked for whose content is that of the whole thumbnails of the other, the same
rectangle for all moments that are compared, by the correlation of luma (0 unrelated, 1 equal). Sides are scaled each by
itself, so another shape of the frame does not matter. Frames that have nothing in common reach 0.8, those of one room
0.93, those of a copy 0.85 where much moves and 0.95 otherwise. Only where the audio agrees is it asked at all.
"""

from collections.abc import Iterator
from math import ceil, floor
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mova_core.curation.dedup.fingerprints import (
    LEAST_CONTRAST,
    THUMBNAIL_PX,
    THUMBNAIL_STEPS,
    Fingerprint,
)

Reframing = Literal["cropped", "mirrored"]

LEAST_SIDE_PX = 5  # of a rectangle, of 16
LEAST_AREA = 0.25  # of the whole thumbnail
MOST_MOMENTS = 4  # channels of one image for OpenCV
LEAST_MOMENTS = 2

Thumbnails = NDArray[np.float32]


def reframing(
    source: Fingerprint, other: Fingerprint, start: float, end: float, shift: float
) -> tuple[Reframing, float]:
    """How the frames of a source are made from those of another one, or the other way round.

    Args:
        source, other: the two.
        start, end: of the source's interval, in steps.
        shift: of the other one against it, in steps.

    Returns:
        `mirrored` (cropped as well or not) or `cropped`, whichever agrees better, and how well: at most 1.
    """
    own, its = _moments(source, other, start, end, shift)
    if own.shape[2] < LEAST_MOMENTS:
        return "cropped", -1.0
    flipped = np.ascontiguousarray(own[:, ::-1])
    found: dict[Reframing, float] = {
        "cropped": max(_correlation(own, its), _correlation(its, own)),
        "mirrored": max(_correlation(flipped, its), _correlation(its, flipped)),
    }
    best: Reframing = "mirrored" if found["mirrored"] > found["cropped"] else "cropped"
    return best, found[best]


def _moments(
    source: Fingerprint, other: Fingerprint, start: float, end: float, shift: float
) -> tuple[Thumbnails, Thumbnails]:
    """Thumbnails of both at moments spread over the interval at which both show something, float32 [16, 16, K]."""
    own, its = [], []
    first, last = ceil(start / THUMBNAIL_STEPS), floor(end / THUMBNAIL_STEPS) - 1
    for moment in dict.fromkeys(np.linspace(first, max(first, last), MOST_MOMENTS).round().astype(int).tolist()):
        shown = _at(source, moment), _at(other, moment + shift / THUMBNAIL_STEPS)
        if all(one is not None and one.std() >= LEAST_CONTRAST for one in shown):
            own.append(shown[0])
            its.append(shown[1])
    shape = (-1, THUMBNAIL_PX, THUMBNAIL_PX)
    stacked = (np.array(each, np.float32).reshape(shape).transpose(1, 2, 0) for each in (own, its))
    one, two = (np.ascontiguousarray(each) for each in stacked)
    return one, two


def _at(fingerprint: Fingerprint, moment: float) -> Thumbnails | None:
    """A thumbnail, or the mixture of two that a moment between them is."""
    index = moment - fingerprint.thumbnail_first
    before = floor(index)
    if not 0 <= before <= ceil(index) < len(fingerprint.thumbnails):
        return None
    pair = fingerprint.thumbnails[before].astype(np.float32), fingerprint.thumbnails[ceil(index)].astype(np.float32)
    return pair[0] + (pair[1] - pair[0]) * np.float32(index - before)


def _correlation(part: Thumbnails, whole: Thumbnails) -> float:
    """Of all thumbnails of `part` with the rectangle of `whole` that they agree with best."""
    import cv2

    best = -1.0
    for height, width in _sizes():
        scaled = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
        best = max(best, float(cv2.matchTemplate(whole, scaled, cv2.TM_CCOEFF_NORMED).max()))
    return best


def _sizes() -> Iterator[tuple[int, int]]:
    sides = range(LEAST_SIDE_PX, THUMBNAIL_PX + 1)
    return ((high, wide) for high in sides for wide in sides if high * wide >= LEAST_AREA * THUMBNAIL_PX**2)
