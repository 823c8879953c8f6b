"""When a source's video ends, in seconds on its timeline: the last frame's own duration is often missing or wrong."""

from collections import deque
from itertools import pairwise
from statistics import median

GAPS = 25  # the last frame is shown for the median of so many gaps before it


class VideoEnd:
    """Takes the times of a source's frames in display order, and keeps the last few."""

    def __init__(self) -> None:
        self._times_s: deque[float] = deque(maxlen=GAPS + 1)

    def add(self, time_s: float) -> None:
        """A frame is first shown at this time."""
        self._times_s.append(time_s)

    def end_s(self) -> float:
        """Until when the last of them is shown; a lone frame has no length."""
        return self._times_s[-1] + median([after - before for before, after in pairwise(self._times_s)] or [0.0])
