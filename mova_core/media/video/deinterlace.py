"""Deinterlace: of the two moments in an interlaced frame the first stays, and its missing lines are interpolated.

Only frames that the decoder flags as interlaced are changed, by FFmpeg's bwdif (motion-adaptive, looks one frame back
and one ahead): one frame out for one frame in, at the same time. Footage without the flag passes through unchanged at
no cost; progressive frames that wrongly carry it lose a little vertical detail where something moves.
"""

from collections import deque
from collections.abc import Iterator

import av
from av.filter import Graph

from mova_core.errors import MediaError
from mova_core.media.container.demux import read_errors
from mova_core.media.video.filters import video_graph

BWDIF = ("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
AGAIN = (av.error.BlockingIOError, av.error.EOFError)  # nothing to pull yet; nothing to pull any more

Timed = tuple[float, av.VideoFrame]


class Deinterlacer:
    """Takes a stream's frames with their times in order; from the first flagged one on it runs one frame late."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._times_s: deque[float] = deque()  # of frames inside the filter
        self._pushed = 0

    def push(self, time_s: float, image: av.VideoFrame) -> Iterator[Timed]:
        """Frames that one more completes.

        Raises:
            MediaError: `decode_error`, the filter does not take the frame.
        """
        if self._graph is None and not image.interlaced_frame:
            yield time_s, image
            return
        with read_errors("decode_error", f"its interlaced frame at {time_s:.3f} s cannot be made whole"):
            if self._graph is None:
                self._graph = video_graph(image, image.time_base, [BWDIF])
            image.pts = self._pushed  # the filter wants rising ones, some containers have none
            self._graph.vpush(image)
        self._pushed += 1
        self._times_s.append(time_s)
        yield from self._pull()

    def end(self) -> Iterator[Timed]:
        """What the filter still holds."""
        if self._graph is None:
            return
        with read_errors("decode_error", "its last interlaced frame cannot be made whole"):
            self._graph.vpush(None)
        yield from self._pull()
        if self._times_s:
            raise MediaError("decode_error", f"{len(self._times_s)} interlaced frames vanish in filter {BWDIF[0]}")

    def _pull(self) -> Iterator[Timed]:
        assert self._graph is not None
        while True:
            try:
                image = self._graph.vpull()
            except AGAIN:
                return
            yield self._times_s.popleft(), image
