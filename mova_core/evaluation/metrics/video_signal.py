"""Metrics of a clip's video by its pixels alone: movement, frozen frames, flicker; and whether the clip collapsed.

What each is and where it comes from is told by the measure that it calls (`measures/video.py`,
`measures/optical_flow.py`, `sampling/collapse`), which curation or generation go by as well.
"""

import numpy as np
from numpy.typing import NDArray

from mova_core.evaluation.metrics.usable import Measured, of_frames
from mova_core.measures import video as measures
from mova_core.measures.clip import Clip, Unavailable


@of_frames(least=2)
def motion(clip: Clip) -> Measured:
    """Mean change of brightness of a cell from frame to frame, as a share of white."""
    return measures.motion(clip.get(_cells))


@of_frames(least=2)
def flow_speed(clip: Clip) -> Measured:
    """Mean length of the optical flow in shorter sides a second."""
    from mova_core.measures.optical_flow import flow_speed as of_flow

    return of_flow(clip.flow)


@of_frames(least=2)
def frozen_share(clip: Clip) -> Measured:
    """Share of consecutive frames between which nothing changes."""
    return measures.frozen_share(clip.get(_cells))


@of_frames(least=3)
def flicker(clip: Clip) -> Measured:
    """Mean distance of a frame's brightness from that of those beside it, as a share of white."""
    found = measures.flicker(clip.gray)
    assert found is not None  # there are three frames
    return found


def collapsed(clip: Clip) -> Measured:
    """1 where the clip has a fault by which generation tries another seed, else 0."""
    from mova_core.sampling.collapse.collapse import collapse

    frames = clip.frames if len(clip.frames) else None
    audio = clip.audio if clip.audio.size else None
    if frames is None and audio is None:
        return Unavailable("the clip has neither frames nor audio")
    return float(bool(collapse(frames, audio, clip.rate_hz)))


def _cells(clip: Clip) -> NDArray[np.float32]:
    return measures.cells(clip.gray)
