"""What the frames of a source tell: shot boundaries, letterbox, the video of its fingerprint, and when they are shown.

Small copies of the frames are looked at several at a time. A decoder's code and data drive everything else out of the
processor's caches: looked at one by one between decoded frames, the same small frames take more than twice the time.
"""

import numpy as np
from numpy.typing import NDArray

from mova_core.curation.dedup.fingerprints import FingerprintBuilder
from mova_core.curation.segment.letterbox import Letterbox, LetterboxDetector
from mova_core.curation.segment.shot_boundaries import ShotBoundaryDetector, small_size
from mova_core.curation.segment.video_end import VideoEnd
from mova_core.errors import MediaError
from mova_core.media.decode import Frame
from mova_core.params import SegmentParams

AT_A_TIME = 32  # small frames, 7 KiB each

Small = tuple[float, NDArray[np.uint8]]


class VideoFindings:
    """Takes a source's frames in display order.

    Args:
        params: how to look at them.
        fingerprint: takes the small frames too.
    """

    def __init__(self, params: SegmentParams, fingerprint: FingerprintBuilder) -> None:
        self._letterbox = LetterboxDetector(params.letterbox_luma)
        self._cuts = ShotBoundaryDetector(params.cut_threshold, params.min_content, params.min_scene_s)
        self._fingerprint = fingerprint
        self._start_s: float | None = None
        self._end = VideoEnd()
        self._waiting: list[Small] = []

    def add(self, frame: Frame) -> None:
        """Look at one frame."""
        self._start_s = frame.time_s if self._start_s is None else self._start_s
        self._end.add(frame.time_s)
        self._waiting.append((frame.time_s, frame.rgb(*small_size(frame.image.width, frame.image.height))))
        if len(self._waiting) >= AT_A_TIME:
            self._look()
        if self._letterbox.wants(frame.time_s):
            self._letterbox.add(frame.time_s, frame.luma())

    def span_s(self) -> list[float]:
        """When the first frame is shown and the last one ends, in seconds.

        Raises:
            MediaError: `no_video`, there was none.
        """
        if self._start_s is None:
            raise MediaError("no_video", "its video stream holds no frame")
        return [self._start_s, self._end.end_s()]

    def cuts_s(self) -> list[float]:
        """First frame after each cut, rising; of all frames so far."""
        self._look()
        return self._cuts.cuts_s()

    def letterbox(self) -> Letterbox:
        """The letterbox bars of all frames so far."""
        return self._letterbox.letterbox()

    def _look(self) -> None:
        for time_s, small in self._waiting:
            self._cuts.add(time_s, small)
        for time_s, small in self._waiting:
            self._fingerprint.add_frame(time_s, small)
        self._waiting = []
