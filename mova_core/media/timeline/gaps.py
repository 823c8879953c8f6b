"""Tell a gap in the video, where nothing was recorded, from footage whose frame rate lawfully varies.

A still frame that is shown for long may be lawful (a recorder stores no frame while nothing changes) or a loss that a
container hides by showing the frame before it for longer. No container says which, so the stream's own habit decides:

- Where nearly all distances of frames are alike, one that has room for another frame is a gap: what was lost there may
  be what the frames after it are predicted from.
- Where they vary, only one far beyond what is usual in the stream is: five times the distance that 95 % of frames keep.

In AVI nothing that is lost leaves a hole, for its clock counts packets: an empty packet says that a frame stays. So
there the second rule alone holds.
"""

import numpy as np
from numpy.typing import NDArray

ALIKE = 0.25  # of the median distance, by which distances of one rate differ at most
ROUNDING_S = 0.0025  # time stamps in whole milliseconds differ by 1 ms at a constant rate
FEW, FEW_SHARE = 3, 0.01  # so many distances, or this share of them, may differ where the rate is constant
SKIPPED = 1.6  # times the usual distance: a frame is missing
USUAL_SHARE = 0.95
FAR = 5.0


def find_gaps(times_s: NDArray[np.float64], counts_packets: bool) -> NDArray[np.int64]:
    """Numbers of the frames after which nothing was recorded for a while.

    Args:
        times_s: when each frame is shown, rising.
        counts_packets: the container is AVI.
    """
    distances = np.diff(times_s)
    if len(distances) < 2:
        return np.zeros(0, np.int64)
    usual = float(np.median(distances))
    unlike = np.abs(distances - usual) > max(ALIKE * usual, ROUNDING_S)
    if not counts_packets and unlike.sum() <= max(FEW, FEW_SHARE * len(distances)):
        longest = max(SKIPPED * usual, usual + ROUNDING_S)
    else:
        longest = FAR * float(np.quantile(distances, USUAL_SHARE))
    return np.flatnonzero(distances > longest)
