"""Shot boundaries: hard cuts that PySceneDetect's adaptive detector proposes on small frames, verified frame by frame.

A proposal is a change of hue, saturation and brightness that stands out from the frames around it. It is accepted when
nothing of the scene before it is seen again within the shortest scene. This rejects camera and object motion (content
is shifted), light changes (content is scaled), and flashes or passing objects (content comes back). Fades and dissolves
are not detected. Times are those of the frames themselves, so variable frame rates are fine; a boundary's time is that
of the first frame after it, in seconds on the file's timeline.

The constants, those of params section `segment` included, were chosen to leave the most room between true and false
boundaries on synthetic edits (`tests/mova_core/curation/segment/test_shot_boundaries.py`, seeds 1 to 8) and synthetic
footage. Real files only evaluate them (`tests/integration/test_cuts_and_crop.py`), with one exception: a real file
showed that the synthetic edits lacked cuts from bright to dark.
"""

from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scenedetect import FrameTimecode

LONG_SIDE_PX = 64
MICRO = 1_000_000
NOMINAL_FPS = 1000.0  # asked for by PySceneDetect's time stamps, unused where they carry their own time base
DETECTOR_LAG = 2  # frames that the adaptive detector looks ahead

SQUARE_PX = 8  # sides of the squares that are looked for in another frame
MOVED_PX = 8  # how far they may have moved
SHAKEN_PX = 2  # how far where the light has changed as well: both at once would explain too much
LIGHT = (0.2, 5.0)  # by how much a light may scale a scene
NOISE = 3.0  # a difference of 0..255 that any two frames have
BLACK = 24  # a bar is no brighter; bars of both frames tell nothing
WORST_SHARE = 0.2  # of squares is left out: what is covered, uncovered or lit by itself
SAME_SCENE = 0.4  # of a frame's contrast may stay unexplained by another one of its scene
LOOKS = 4  # frames compared at each side of a proposed cut

Rgb = NDArray[np.uint8]


class ShotBoundaryDetector:
    """Takes a source's frames in display order.

    Args:
        cut_threshold: change against the mean change of the two frames before and the two after.
        min_content: least mean change, 0..255.
        min_scene_s: a scene that comes back sooner was never left; cuts that follow another one sooner are dropped.
    """

    def __init__(self, cut_threshold: float, min_content: float, min_scene_s: float) -> None:
        from scenedetect.detectors import AdaptiveDetector

        # Short scenes are dropped here, after verifying: what is no cut must not hide the next one.
        self._detector = AdaptiveDetector(
            adaptive_threshold=cut_threshold, min_content_val=min_content, window_width=DETECTOR_LAG, min_scene_len=0
        )
        self._min_scene_us = round(min_scene_s * MICRO)
        self._recent: deque[tuple[int, Rgb]] = deque()
        self._proposed: deque[FrameTimecode] = deque()
        self._cuts_us: list[int] = []

    def add(self, time_s: float, rgb: Rgb) -> None:
        """Look at one frame, uint8 [H, W, 3], of the size that `small_size` gives."""
        import cv2
        from scenedetect import FrameTimecode
        from scenedetect.common import Timecode

        time_us = round(time_s * MICRO)
        time = FrameTimecode(Timecode(time_us, Fraction(1, MICRO)), NOMINAL_FPS)
        self._recent.append((time_us, rgb))
        self._proposed += self._detector.process_frame(time, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        while self._proposed and time_us >= self._proposed[0].pts + self._min_scene_us:
            self._verify(self._proposed.popleft().pts)
        self._forget()

    def cuts_s(self) -> list[float]:
        """First frame after each cut, rising; of all frames so far."""
        while self._proposed:
            self._verify(self._proposed.popleft().pts)
        return [cut / MICRO for cut in self._cuts_us]

    def _verify(self, cut_us: int) -> None:
        if self._cuts_us and cut_us - self._cuts_us[-1] < self._min_scene_us:
            return
        last_before = next(rgb for time, rgb in reversed(self._recent) if time < cut_us)
        first_after = next(rgb for time, rgb in self._recent if time == cut_us)
        earlier = [rgb for time, rgb in self._recent if cut_us - self._min_scene_us < time < cut_us][:-1]
        later = [rgb for time, rgb in self._recent if cut_us < time < cut_us + self._min_scene_us]
        pairs = [(last_before, rgb) for rgb in (first_after, *_some(later))]
        pairs += [(rgb, first_after) for rgb in _some(earlier)]
        if not any(shows_same_scene(before, after) for before, after in pairs):
            self._cuts_us.append(cut_us)

    def _forget(self) -> None:
        """Keep what the next proposed cut may be verified by: from the frame before its shortest scene on."""
        if len(self._recent) <= DETECTOR_LAG:
            return
        next_us = self._proposed[0].pts if self._proposed else self._recent[-1 - DETECTOR_LAG][0]
        while self._recent[1][0] < next_us - self._min_scene_us:
            self._recent.popleft()


def shows_same_scene(before: Rgb, after: Rgb) -> bool:
    """Whether each of two small frames is mostly found in the other, moved by up to 8 px or lit differently.

    Args:
        before, after: uint8 [H, W, 3] of one size.
    """
    rows, columns = _without_bars(np.maximum(before, after))
    before, after = before[rows, columns], after[rows, columns]
    if not after.size:
        return True  # black both times
    # Both ways: a faint or dark frame is soon found in a bold one, hardly the bold one in it.
    return all(
        _unexplained(here, there) < SAME_SCENE * (_contrast(here) + NOISE)
        for here, there in ((after, before), (before, after))
    )


def small_size(width_px: int, height_px: int) -> tuple[int, int]:
    """Width and height at which cuts are looked for: the same shape, the long side at most 64 px."""
    scale = min(1.0, LONG_SIDE_PX / max(width_px, height_px))
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))


def _some(images: Sequence[Rgb]) -> list[Rgb]:
    """The first, the last, and as many between as are compared."""
    if len(images) <= LOOKS:
        return list(images)
    return [images[round(place)] for place in np.linspace(0, len(images) - 1, LOOKS)]


def _without_bars(image: Rgb) -> tuple[slice, slice]:
    """Rows and columns between black bars at the edges; empty where all is black."""
    bright = image.max(axis=2) > BLACK
    lines = (np.flatnonzero(bright.any(axis=axis)) for axis in (1, 0))
    rows, columns = (slice(line[0], line[-1] + 1) if len(line) else slice(0) for line in lines)
    return rows, columns


def _contrast(image: Rgb) -> float:
    """Mean distance of a frame from its mean colour, 0..255."""
    return float(np.abs(image - image.mean(axis=(0, 1))).mean())


def _unexplained(here: Rgb, there: Rgb) -> float:
    """What is left of a frame, 0..255, when the other one moved or lit differently is taken from it: the lesser."""
    moved = _unmatched(here, there, MOVED_PX)
    light = (float(here.mean()) + 1) / (float(there.mean()) + 1)
    if not LIGHT[0] < light < LIGHT[1]:
        return moved
    return min(moved, _unmatched(here, np.clip(there * light, 0, 255).astype(np.uint8), SHAKEN_PX))


def _unmatched(here: Rgb, there: Rgb, reach: int) -> float:
    """Mean difference of most squares of a frame from their best match in another."""
    import cv2

    height, width = (min(SQUARE_PX, side) for side in here.shape[:2])
    wide = cv2.copyMakeBorder(there, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    wide_grey, here_grey = cv2.cvtColor(wide, cv2.COLOR_RGB2GRAY), cv2.cvtColor(here, cv2.COLOR_RGB2GRAY)
    differences = []
    for top in range(0, here.shape[0] - height + 1, height):
        for left in range(0, here.shape[1] - width + 1, width):
            around = wide_grey[top : top + height + 2 * reach, left : left + width + 2 * reach]
            square = here_grey[top : top + height, left : left + width]
            found = cv2.minMaxLoc(cv2.matchTemplate(around, square, cv2.TM_SQDIFF))[2]
            y, x = top + found[1], left + found[0]
            match = wide[y : y + height, x : x + width]
            missed = cv2.norm(match, here[top : top + height, left : left + width], cv2.NORM_L1)
            differences.append(missed / match.size)
    kept = max(1, int((1 - WORST_SHARE) * len(differences)))
    return float(np.mean(sorted(differences)[:kept]))
