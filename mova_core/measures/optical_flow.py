"""How the video moves: dense optical flow (Farneback, OpenCV) of reduced frames.

A flow is in shares of the frame's shorter side per second, so that one limit fits every canvas and frame rate.
Source: G. Farneback, "Two-frame motion estimation based on polynomial expansion" (2003); settings are those of the
AV-Align reference (arXiv:2309.16429).
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]

SHORTER_SIDE_PX = 90
PYRAMID_SCALE, LEVELS, WINDOW_PX, ITERATIONS, NEIGHBOURHOOD_PX, SMOOTHING_SD = 0.5, 3, 15, 3, 5, 1.2


@dataclass(frozen=True, slots=True)
class Flow:
    """Movement of one clip of F frames.

    Args:
        speed: mean length of the flow from frame k to k + 1, [F - 1].
        change: mean length of the difference between the flow out of frame k + 1 and the one into it, [F - 2]: what
            hits, turns or stops is seen here.
    """

    speed: Curve
    change: Curve


def optical_flow(gray: NDArray[np.uint8], fps: float) -> Flow:
    """Flow of a clip.

    Args:
        gray: brightness uint8 [F, H, W].
        fps: frames per second.
    """
    height, width = gray.shape[1:]
    scale = min(1.0, SHORTER_SIDE_PX / min(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = [
        cv2.resize(np.ascontiguousarray(frame), size, interpolation=cv2.INTER_AREA).astype(np.uint8) for frame in gray
    ]
    unit = fps / min(size)  # pixels a frame -> shorter sides a second
    speed: list[float] = []
    change: list[float] = []
    before: NDArray[np.float32] | None = None
    for first, second in pairwise(small):
        flow = _farneback(first, second)
        speed.append(_mean_length(flow) * unit)
        if before is not None:
            change.append(_mean_length(flow - before) * unit)
        before = flow
    return Flow(np.array(speed), np.array(change))


def flow_speed(flow: Flow) -> float:
    """Mean speed of the video in shorter sides per second; 0 for a single frame."""
    return float(flow.speed.mean()) if len(flow.speed) else 0.0


def _farneback(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Where each pixel goes, in pixels, [H, W, 2]."""
    flow = np.zeros((*first.shape, 2), np.float32)  # filled in, not started from
    settings = (PYRAMID_SCALE, LEVELS, WINDOW_PX, ITERATIONS, NEIGHBOURHOOD_PX, SMOOTHING_SD)
    return np.asarray(cv2.calcOpticalFlowFarneback(first, second, flow, *settings, 0), np.float32)


def _mean_length(flow: NDArray[np.float32]) -> float:
    return float(np.hypot(flow[..., 0], flow[..., 1]).mean(dtype=np.float64))
