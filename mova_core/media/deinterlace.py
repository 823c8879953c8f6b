"""Interlaced pictures made whole: of the two moments that one holds, the first stays, its missing lines are filled in.

Only what the decoder flags as interlaced is changed, by FFmpeg's bwdif (motion-adaptive, looks one picture back and
one ahead): one picture out for one in, at the same time. Footage without the flag passes through untouched and pays
nothing; progressive pictures that wrongly carry it lose a little vertical detail where something moves.
"""

from collections import deque
from collections.abc import Iterator

import av
from av.filter import Graph

from mova_core.errors import MediaError
from mova_core.media.demux import read_errors
from mova_core.media.filters import picture_graph

BWDIF = ("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
AGAIN = (av.error.BlockingIOError, av.error.EOFError)  # nothing to pull yet; nothing to pull any more

Timed = tuple[float, av.VideoFrame]


class Deinterlacer:
    """Takes a stream's pictures with their times in order; from the first flagged one on it runs one picture late."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._times_s: deque[float] = deque()  # of pictures inside the filter
        self._pushed = 0

    def push(self, time_s: float, picture: av.VideoFrame) -> Iterator[Timed]:
        """Pictures that one more completes.

        Raises:
            MediaError: `decode_error`, the filter does not take the picture.
        """
        if self._graph is None and not picture.interlaced_frame:
            yield time_s, picture
            return
        with read_errors("decode_error", f"its interlaced picture at {time_s:.3f} s cannot be made whole"):
            if self._graph is None:
                self._graph = picture_graph(picture, picture.time_base, [BWDIF])
            picture.pts = self._pushed  # the filter wants rising ones, some containers have none
            self._graph.vpush(picture)
        self._pushed += 1
        self._times_s.append(time_s)
        yield from self._pull()

    def end(self) -> Iterator[Timed]:
        """What the filter still holds."""
        if self._graph is None:
            return
        with read_errors("decode_error", "its last interlaced picture cannot be made whole"):
            self._graph.vpush(None)
        yield from self._pull()
        if self._times_s:
            raise MediaError("decode_error", f"{len(self._times_s)} interlaced pictures vanish in filter {BWDIF[0]}")

    def _pull(self) -> Iterator[Timed]:
        assert self._graph is not None
        while True:
            try:
                picture = self._graph.vpull()
            except AGAIN:
                return
            yield self._times_s.popleft(), picture
