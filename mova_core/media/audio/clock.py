"""Place decoded audio on the clock that its time stamps tell, where that differs from the count of its samples.

The first sample keeps its time, and samples follow each other as long as stamps stay near them: near is 20 ms, more
than containers round. Otherwise the stamps of a second before and a second after decide what is the matter:

- They lie higher, all of them, by more than 40 ms, from one frame on: nothing was recorded in between. Silence takes
  its place, which the caller declares lost. All lower: audio that overlaps with what is there, which is trimmed.
- They scatter (packets stamped on arrival, in bursts): samples are in their place, nothing is moved.
- They leave the place that the line has among them (a clock that runs slow or fast, a lost packet or two), by more than
  20 ms and a quarter of their spread: from here on samples are made longer or shorter, so that the line keeps its
  place. By 2 % at most: where that leaves the line more than 40 ms away, the clock cannot be followed and the caller
  declares the audio lost.

The line's place is the median of the stamps, unless the first stamp has another one among those of the first second.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mova_core.media.lost import GAP_S

LOOK_S = 1.0
MOST_STRETCH = 0.02
ROUNDING_S = 0.0025  # of containers that count milliseconds


@dataclass(frozen=True, slots=True)
class Placed:
    """Samples in their place: they follow what was placed before.

    Args:
        samples: float32 [S].
        length: how many samples they are to last.
        gap: samples that nothing was recorded for, before them.
        damage: what happened to the packets before them.
        off_s: by how much they miss their time, in seconds, where the clock cannot be followed; else 0.
    """

    samples: NDArray[np.float32]
    length: int
    gap: int = 0
    damage: str | None = None
    off_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    samples: NDArray[np.float32]
    position: int  # number of the first sample, as decoded
    offset_s: float | None  # its stamp less its position; None without a stamp
    damage: str | None


class AudioClock:
    """Takes a stream's frames of one rate in order.

    Args:
        start_s: time of the first sample.
        rate_hz: of the samples.
        jitter_s: how far from its stamp a frame may lie.
    """

    def __init__(self, start_s: float, rate_hz: int, jitter_s: float) -> None:
        self._start_s = start_s
        self._offset_s = start_s  # time of a sample less its position
        self._rate_hz = rate_hz
        self._jitter_s = jitter_s
        self._gap_s = max(GAP_S, jitter_s)
        self._received = 0
        self._trim = 0  # samples still to be left out
        self._follows = False
        self._first: list[float] = []  # offsets of the first second after the first frame
        self._past: deque[tuple[int, float]] = deque()  # positions and offsets of the last second
        self._waiting: deque[_Waiting] = deque()

    def add(self, samples: NDArray[np.float32], time_s: float | None, damage: str | None = None) -> Iterator[Placed]:
        """What one more frame, with its stamp, brings into place: usually itself.

        Args:
            samples: float32 [S].
            time_s: its stamp.
            damage: what happened to the packets between it and the frame before.
        """
        offset_s = None if time_s is None else time_s - self._received / self._rate_hz
        if offset_s is not None and 0 < self._received <= LOOK_S * self._rate_hz:
            self._first.append(offset_s)
        frame = _Waiting(samples, self._received, offset_s, damage)
        self._received += len(samples)
        self._waiting.append(frame)
        yield from self._placed(self._received - round(LOOK_S * self._rate_hz))

    def flush(self) -> Iterator[Placed]:
        """What waits for frames that do not come."""
        yield from self._placed(self._received)

    def _placed(self, until: int) -> Iterator[Placed]:
        """The waiting frames whose place is plain, and those that end before this position."""
        while self._waiting:
            frame = self._waiting[0]
            is_plain = not self._follows and self._is_near(frame)
            if frame.damage is None and not is_plain and frame.position + len(frame.samples) > until:
                return
            yield self._place(frame, is_plain)
            self._waiting.popleft()
            if frame.offset_s is not None:
                self._past.append((frame.position, frame.offset_s))
            while self._past and self._past[0][0] < frame.position - LOOK_S * self._rate_hz:
                self._past.popleft()

    def _is_near(self, frame: _Waiting) -> bool:
        return frame.offset_s is None or abs(frame.offset_s - self._offset_s) <= self._jitter_s

    def _place(self, frame: _Waiting, is_plain: bool) -> Placed:
        gap, gained, off_s = 0, 0, 0.0
        if frame.damage is not None:
            if frame.offset_s is not None and frame.offset_s - self._offset_s > ROUNDING_S:
                gap = self._jump_to(frame.offset_s)
        elif not is_plain and frame.offset_s is not None:
            before = [offset for _, offset in self._past] or [self._offset_s]
            ahead = self._ahead(frame)
            step = _first_step(before, ahead, self._gap_s)
            if step == 0:
                level = ahead[: 1 + _first_step(ahead[:1], ahead[1:], self._gap_s)]
                gap = self._jump_to(float(np.median(level)) + self._place_s())
            else:
                gained, off_s = self._followed([*before, *ahead[:step]], len(frame.samples))
        samples = frame.samples[self._trim :]
        self._trim -= len(frame.samples) - len(samples)
        return Placed(samples, len(samples) + gained if len(samples) else 0, gap, frame.damage, off_s)

    def _ahead(self, frame: _Waiting) -> list[float]:
        """Offsets of this frame and of those in the second after it."""
        until = frame.position + LOOK_S * self._rate_hz
        return [other.offset_s for other in self._waiting if other.offset_s is not None and other.position <= until]

    def _jump_to(self, offset_s: float) -> int:
        """Moves the line; samples of the gap, 0 where samples are trimmed instead."""
        moved = round((offset_s - self._offset_s) * self._rate_hz)
        self._offset_s += moved / self._rate_hz
        self._past.clear()
        self._trim += max(0, -moved)
        return max(0, moved)

    def _place_s(self) -> float:
        """How far above the median of the stamps after it the first stamp lies, 0 if not clearly or not among them."""
        first = self._first[: _first_step([self._start_s], self._first, self._gap_s)]  # a gap is no scattering
        if not first:
            return 0.0
        above_s = self._start_s - float(np.median(first))
        is_among = min(first) - ROUNDING_S <= self._start_s <= max(first) + ROUNDING_S
        return above_s if is_among and abs(above_s) > self._jitter_s / 2 else 0.0

    def _followed(self, offsets_s: Sequence[float], samples: int) -> tuple[int, float]:
        """How many samples a frame gains, and by how much the line is off nevertheless."""
        target_s = float(np.median(offsets_s)) + self._place_s()
        late_s = target_s - self._offset_s
        spread_s = max(offsets_s) - min(offsets_s)
        self._follows = self._follows or abs(late_s) > max(self._jitter_s, spread_s / 4)
        if not self._follows:
            return 0, 0.0
        most = int(MOST_STRETCH * samples)
        gained = min(max(round(late_s * self._rate_hz), -most), most)
        self._offset_s += gained / self._rate_hz
        off_s = target_s - self._offset_s
        return gained, off_s if abs(off_s) > self._gap_s else 0.0


def _first_step(before: Sequence[float], ahead: Sequence[float], least: float) -> int:
    """The first place in `ahead` from which all lie above, or all below, what comes before it; its length if none."""
    if not ahead:
        return 0
    every, first = np.array([*before, *ahead]), len(before)
    highest, lowest = np.maximum.accumulate(every)[first - 1 : -1], np.minimum.accumulate(every)[first - 1 : -1]
    backwards = every[::-1]
    least_after = np.minimum.accumulate(backwards)[::-1][first:]
    most_after = np.maximum.accumulate(backwards)[::-1][first:]
    steps = np.flatnonzero((least_after - highest > least) | (lowest - most_after > least))
    return int(steps[0]) if len(steps) else len(ahead)
