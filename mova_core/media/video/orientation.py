"""How coded frames are to be shown: the display matrix of a container or stream as one of the eight orientations.

mp4 and mov carry a matrix per track, Matroska a projection, H.264 and HEVC a message in the stream; FFmpeg hands each
to the decoded frame. A point (x, y) of the coded frame is shown at (x, y) times the matrix (ISO/IEC 14496-12, 8.3.2).
Turns that are no quarter are taken for the nearest one.
"""

import math
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type


@dataclass(frozen=True, slots=True)
class Orientation:
    """What brings a coded frame upright.

    Args:
        rotation_deg: 0, 90, 180 or 270, counter-clockwise.
        hflip: flipped left to right, before the rotation.
    """

    rotation_deg: int = 0
    hflip: bool = False

    @property
    def quarter_turns(self) -> int:
        """Counter-clockwise, 0 to 3."""
        return self.rotation_deg // 90


def orientation_of(image: av.VideoFrame) -> Orientation:
    """The orientation of a decoded frame; upright where its matrix is missing or maps the frame to a line or point."""
    side_data: Any = image.side_data  # PyAV's stub lacks that its keys may be types
    matrix = side_data.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return Orientation()
    (a, b), (c, d) = np.frombuffer(matrix, np.int32).reshape(3, 3)[:2, :2].tolist()
    determinant = a * d - b * c
    if determinant == 0:
        return Orientation()
    hflip = determinant < 0
    if hflip:  # taken out of the matrix, a rotation remains
        a, b = -a, -b
    angle_deg = math.degrees(math.atan2(-b, a))
    return Orientation(round(angle_deg / 90) * 90 % 360, hflip)
