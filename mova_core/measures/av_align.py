"""AV-Align: intersection over union of audio onsets and peaks of optical flow, by both definitions in print.

An onset and a peak meet when less than one frame lies between them. The first release of the reference matches many
onsets to one peak and takes every local maximum of the flow; the present one, which the MOVA report's evaluation
carries too, matches one to one and leaves out maxima below a tenth of a pixel. Values of the two do not compare, and
many to one may exceed 1, where several onsets share a peak.
Sources: arXiv:2309.16429, section 4; repository guyyariv/TempoTokens, av_align.py, at its first release (many to one)
and since (one to one); repository OpenMOSS/MOVA, evaluation/metrics/av_quality/av_align_score.py.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mova_core.media.audio.onsets import match_times

FLOW_FLOOR_PX = 0.1  # mean length of the flow from one frame to the next, of one_to_one


def one_to_one(onsets_s: Sequence[float], peaks_s: Sequence[float], fps: float) -> float | None:
    """Share of events that have a partner of their own, 0..1; None without any event.

    Args:
        onsets_s: times of audio onsets, rising.
        peaks_s: times of peaks of the flow that reach `FLOW_FLOOR_PX`, rising.
        fps: frames per second.
    """
    matched = len(match_times(peaks_s, onsets_s, float(np.nextafter(1 / fps, 0))))
    return _over_union(matched, len(onsets_s), len(peaks_s))


def many_to_one(onsets_s: Sequence[float], peaks_s: Sequence[float], fps: float) -> float | None:
    """Onsets with a peak nearby, over all onsets and peaks less these; at least 0, None without any event.

    Args:
        onsets_s: times of audio onsets.
        peaks_s: times of all peaks of the flow.
        fps: frames per second.
    """
    matched = sum(any(abs(onset - peak) < 1 / fps for peak in peaks_s) for onset in onsets_s)
    return _over_union(matched, len(onsets_s), len(peaks_s))


def flow_peaks_s(flow_px: NDArray[np.float64], fps: float, least_px: float = 0.0) -> list[float]:
    """Times of frames into which more moves than into both beside them, rising.

    Args:
        flow_px: mean length of the flow from frame k to k + 1, [F - 1]; in pixels, where a least length is asked.
        fps: frames per second.
        least_px: length that a peak has at least.
    """
    inner = flow_px[1:-1]
    found = np.flatnonzero((inner > flow_px[:-2]) & (inner > flow_px[2:]) & (inner >= least_px))
    return [(int(index) + 2) / fps for index in found]  # flow k leads to frame k + 1


def _over_union(matched: int, onsets: int, peaks: int) -> float | None:
    events = onsets + peaks
    return matched / (events - matched) if events else None
