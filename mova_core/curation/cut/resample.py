"""From one decode pass over a source to the constant frame rate and the exact samples of its windows, several at once.

The clip timing rule: output frame k of a window shows the last source frame whose time is at most
start + (k + 1/2) / fps, so an event moves by at most half an output frame, at any constant or variable source rate.
Audio sample i is the source's sample nearest to start + i / rate. Frames are never blended, audio is not sped up.

Windows are given by their starts in rising order and are all one clip long, so they become complete in that order.
Times are seconds on the file's timeline.
"""

from bisect import bisect_left
from collections.abc import Sequence
from math import ceil
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from mova_core.curation.segment.video_end import VideoEnd
from mova_core.errors import MediaError
from mova_core.geometry import ClipGeometry

SAME_TIME_S = 1e-6
"""Starts, and the clocks of some containers, are whole microseconds: times this close are the same."""

TOLERANCE_S = 2e-3
"""How far a window may reach past the source's ends: millisecond clocks, and the last samples of a resampler."""

P = TypeVar("P")


class FrameRun(NamedTuple, Generic[P]):
    """A window shows one frame for so many output frames."""

    window: int
    image: P
    times: int


class Length(Protocol):
    """How many frames a window has, and how many of them a second lasts; a `ClipGeometry` is one."""

    @property
    def frames(self) -> int: ...

    @property
    def fps(self) -> int: ...


class WindowFrames(Generic[P]):
    """Gives each window its frames while the source's frames stream by.

    Args:
        starts_s: start of each window, rising.
        geometry: frames and rate of a clip.
    """

    def __init__(self, starts_s: Sequence[float], geometry: Length) -> None:
        self._starts_s = starts_s
        self._geometry = geometry
        self._shown = [0] * len(starts_s)  # output frames each window has so far
        self._first_open = 0
        self._held: P | None = None
        self._last = VideoEnd()

    def push(self, time_s: float, image: P) -> list[FrameRun[P]]:
        """A frame begins at this time; returns what the one before it was shown for."""
        if self._held is None:  # windows that begin before any frame never get one
            self._first_open = bisect_left(self._starts_s, time_s - TOLERANCE_S)
        shown = [] if self._held is None else self._show(self._held, time_s)
        self._held = image
        self._last.add(time_s)
        return shown

    def end(self) -> list[FrameRun[P]]:
        """There are no more frames; returns what the last one was shown for."""
        if self._held is None:
            return []
        return self._show(self._held, self._last.end_s() + TOLERANCE_S)

    def is_whole(self, window: int) -> bool:
        """Whether the window has all its frames."""
        return self._shown[window] == self._geometry.frames

    def check_whole(self, window: int) -> None:
        """Raise MediaError `short_video` for a window that the source's frames do not fill."""
        if not self.is_whole(window):
            raise MediaError(
                "short_video",
                f"the frames from {self._starts_s[window]:.3f} s fill {self._shown[window]} frames, "
                f"{self._geometry.frames} are needed",
            )

    def _show(self, image: P, until_s: float) -> list[FrameRun[P]]:
        shown: list[FrameRun[P]] = []
        for window in range(self._first_open, len(self._starts_s)):
            if self._starts_s[window] >= until_s:
                break
            due = self._frames_before(until_s, window)
            if due > self._shown[window]:
                shown.append(FrameRun(window, image, due - self._shown[window]))
                self._shown[window] = due
        while self._first_open < len(self._starts_s) and self.is_whole(self._first_open):
            self._first_open += 1
        return shown

    def _frames_before(self, time_s: float, window: int) -> int:
        """How many frames of the window have their time, start + (k + 1/2) / fps, before this one."""
        elapsed_s = time_s - SAME_TIME_S - self._starts_s[window]
        return min(self._geometry.frames, max(0, ceil(elapsed_s * self._geometry.fps - 0.5)))


class WindowAudio:
    """Gives each window its samples while the source's audio streams by.

    Args:
        starts_s: start of each window, rising.
        geometry: samples and rate of a clip; the audio pushed is at this rate, one gapless line.
    """

    def __init__(self, starts_s: Sequence[float], geometry: ClipGeometry) -> None:
        self._starts_s = starts_s
        self._rate_hz = geometry.audio_rate_hz
        self._length = geometry.audio_samples
        self._spare = round(TOLERANCE_S * self._rate_hz)
        self._offsets: list[int] | None = None  # the window's first sample, counted on the source's line
        self._received = 0  # length of the source's line so far
        self._samples: dict[int, NDArray[np.float32]] = {}  # of windows that have begun and are not yet taken
        self._first_open = 0

    def push(self, time_s: float, samples: NDArray[np.float32]) -> None:
        """The next piece of the line, float32 [S]; its time counts for the first one only."""
        if self._offsets is None:
            self._offsets = [round((start_s - time_s) * self._rate_hz) for start_s in self._starts_s]
        received = self._received + len(samples)
        for window in range(self._first_open, len(self._offsets)):
            offset = self._offsets[window]
            if offset >= received:
                break
            low, high = max(self._received, offset), min(received, offset + self._length)
            if window not in self._samples:
                self._samples[window] = np.zeros(self._length, np.float32)
            if low < high:
                self._samples[window][low - offset : high - offset] = samples[
                    low - self._received : high - self._received
                ]
        self._received = received
        while self._first_open < len(self._offsets) and self.is_whole(self._first_open):
            self._first_open += 1

    def is_whole(self, window: int) -> bool:
        """Whether the window has all its samples."""
        return self._missing(window) <= 0

    def take(self, window: int) -> NDArray[np.float32]:
        """The samples of a window, float32 [S], given out once; silence where the line ends within the tolerance.

        Raises:
            MediaError: `short_audio`, the source's audio does not fill the window.
        """
        before = -self._offsets[window] if self._offsets is not None else self._length
        missing = self._missing(window)
        if before > self._spare or missing > self._spare:
            lacking_s = max(before, missing) / self._rate_hz
            raise MediaError(
                "short_audio", f"the audio from {self._starts_s[window]:.3f} s lacks {lacking_s:.3f} s of a clip"
            )
        return self._samples.pop(window)

    def _missing(self, window: int) -> int:
        """Samples still to come."""
        if self._offsets is None:
            return self._length
        return self._offsets[window] + self._length - self._received
