"""Intervals of a source's timeline: [start, end) in whole microseconds, so that comparisons are exact."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil

Interval = tuple[int, int]


def outside(intervals: Iterable[Interval], within: Interval) -> Iterator[Interval]:
    """What of an interval lies in none of some rising intervals that do not overlap."""
    begin, end = within
    for start_us, end_us in intervals:
        if end_us <= begin:
            continue
        if start_us >= end:
            break
        if start_us > begin:
            yield begin, start_us
        begin = end_us
    if begin < end:
        yield begin, end


def tiles(interval: Interval, length_us: Fraction) -> Iterator[int]:
    """Starts of pieces of this length, back to back from the interval's start."""
    start, end = interval
    count = 0
    while (tile_us := ceil(start + count * length_us)) + length_us <= end:
        yield tile_us
        count += 1


def occupied(starts_us: Iterable[int], length_us: Fraction) -> tuple[Interval, ...]:
    """The intervals that windows of these starts cover, rising."""
    return merged((start_us, ceil(start_us + length_us)) for start_us in sorted(starts_us))


def merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Intervals in order of their start, those that overlap as one."""
    together: list[Interval] = []
    for start, end in intervals:
        if together and start < together[-1][1]:
            together[-1] = (together[-1][0], max(end, together[-1][1]))
        else:
            together.append((start, end))
    return tuple(together)
