"""Abrupt cuts, by PySceneDetect's adaptive detector on small pictures, one after another.

A cut is a change of hue, saturation and brightness that stands out from the frames around it, so a moving camera is
none. Times are those of the pictures themselves: a variable frame rate changes nothing. A cut's time is its first
frame's, in seconds on the file's clock. Fades and dissolves are not looked for.
"""

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scenedetect import FrameTimecode

LONG_SIDE_PX = 64
MICROSECOND = Fraction(1, 1_000_000)
NOMINAL_FPS = 1000.0  # asked for by PySceneDetect's time stamps, unused where they carry their own time base


class CutFinder:
    """Takes a source's pictures in display order.

    Args:
        cut_threshold: change against the mean change of the two frames before and the two after.
        min_content: least mean change, 0..255.
        min_scene_s: cuts that follow another one sooner are dropped.
    """

    def __init__(self, cut_threshold: float, min_content: float, min_scene_s: float) -> None:
        from scenedetect.detectors import AdaptiveDetector

        self._detector = AdaptiveDetector(
            adaptive_threshold=cut_threshold, min_content_val=min_content, min_scene_len=float(min_scene_s)
        )
        self._cuts: list[FrameTimecode] = []

    def add(self, time_s: float, rgb: NDArray[np.uint8]) -> None:
        """Look at one picture, uint8 [H, W, 3], of the size that `small_size` gives."""
        import cv2
        from scenedetect import FrameTimecode
        from scenedetect.common import Timecode

        time = FrameTimecode(Timecode(round(time_s / MICROSECOND), MICROSECOND), NOMINAL_FPS)
        self._cuts += self._detector.process_frame(time, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))

    def cuts_s(self) -> list[float]:
        """First frame after each cut, rising."""
        return [cut.seconds for cut in self._cuts]


def small_size(width_px: int, height_px: int) -> tuple[int, int]:
    """Width and height at which cuts are looked for: the same shape, the long side at most 64 px."""
    scale = min(1.0, LONG_SIDE_PX / max(width_px, height_px))
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))
