"""When each packet of a video stream is shown, worked out from the time stamps it came with, some of them doubtful.

A stamp is doubtful where it is missing, or where two packets carry the same one. The frames themselves tell the order
in which they are shown, once they are decoded; what must be told beforehand is at which times. The valid stamps, put in
order, leave holes of whole frames, and a doubtful packet belongs into the hole next to which it was decoded. Where it
has no such hole, or one of more frames than there are doubtful packets, its time cannot be told within half a frame.

AVI stores no display times, and FFmpeg guesses them wrongly once frames are reordered (B-frames). So there, and where
no packet has a display time, the i-th frame shown takes the i-th decoding time.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mova_core.errors import MediaError

NO_TIME = -(2**63)  # FFmpeg's AV_NOPTS_VALUE; no packet has it as its time
UNKNOWN = -1  # a place that only decoding tells
HALF = 0.5  # a frame: what cannot be told within it is not told
MOST_REORDERED = 16  # frames by which decoding and showing may differ (H.264, section A.3.1: max_dec_frame_buffering)

Ticks = NDArray[np.int64]


@dataclass(frozen=True)
class DisplayTimes:
    """The frames of a stream on its own clock.

    Args:
        ticks: int64 [N], rising: when the frames are shown.
        places: int64 [N], in the order of decoding: which of `ticks` is a packet's; `UNKNOWN` where decoding tells.
        frame_ticks: how long a frame is shown, by what is usual.
        doubtful: packets, in the order of decoding, whose time cannot be told, with the cause.
    """

    ticks: Ticks
    places: Ticks
    frame_ticks: float
    doubtful: dict[int, str] = field(default_factory=dict)


def display_times(shown: Ticks, decoded: Ticks, durations: Ticks, stores_display_times: bool) -> DisplayTimes:
    """Work out the display times of a stream.

    Args:
        shown: stamp of each packet's frame, in the order of decoding; NO_TIME where there is none.
        decoded: stamp of each packet's decoding, as above.
        durations: of each packet, 0 where the container tells none.
        stores_display_times: False for AVI.

    Raises:
        MediaError: `no_clock`, neither display nor decoding times tell the frames apart.
    """
    frame_ticks = _frame_ticks(shown, decoded, durations)
    if stores_display_times or bool((shown == decoded).all()):
        if _tell_apart(shown):
            return _in_order(shown, frame_ticks)
        if _tell_apart(decoded) and (offset := _constant_offset(shown, decoded)) is not None:
            return _in_order(decoded + offset, frame_ticks)
        known = _known(shown)
        if len(known) > 1 and _rise(decoded):
            return _filled_in(shown, frame_ticks)
        if _fill_evenly(known, len(shown), frame_ticks):  # stamps that were given to the wrong frames
            even = known[0] + np.rint(np.arange(len(shown)) * frame_ticks).astype(np.int64)
            return DisplayTimes(even, np.full(len(shown), UNKNOWN, np.int64), frame_ticks)
    if not _tell_apart(decoded):
        raise MediaError("no_clock", "its frames carry neither display nor decoding times that tell them apart")
    return DisplayTimes(np.sort(decoded), np.full(len(decoded), UNKNOWN, np.int64), frame_ticks)


def _tell_apart(ticks: Ticks) -> bool:
    """Whether each frame has a time, and no two the same."""
    return NO_TIME not in ticks and bool((np.diff(np.sort(ticks)) > 0).all())


def _known(ticks: Ticks) -> Ticks:
    return np.unique(ticks[ticks != NO_TIME])


def _rise(ticks: Ticks) -> bool:
    return bool((np.diff(ticks[ticks != NO_TIME]) > 0).all())


def _fill_evenly(known: Ticks, frames: int, frame_ticks: float) -> bool:
    """Whether so many frames of one length fill the time from the first stamp to the last, and all stamps fit them."""
    if len(known) < 2 or frame_ticks <= 0:
        return False
    steps = (known - known[0]) / frame_ticks
    return round(float(steps[-1])) == frames - 1 and bool((np.abs(steps - np.rint(steps)) < HALF / 2).all())


def _in_order(ticks: Ticks, frame_ticks: float) -> DisplayTimes:
    order = np.argsort(ticks)
    places = np.empty(len(ticks), np.int64)
    places[order] = np.arange(len(ticks))
    return DisplayTimes(ticks[order], places, frame_ticks)


def _constant_offset(shown: Ticks, decoded: Ticks) -> int | None:
    """How long after its decoding every frame is shown, where that is always the same: nothing is reordered."""
    offsets = np.unique((shown - decoded)[(shown != NO_TIME) & (decoded != NO_TIME)])
    return int(offsets[0]) if len(offsets) == 1 else None


def _frame_ticks(shown: Ticks, decoded: Ticks, durations: Ticks) -> float:
    """The median distance of frames; where too few are stamped, their stated duration."""
    for ticks in (decoded, _known(shown)):
        follow = (ticks[:-1] != NO_TIME) & (ticks[1:] != NO_TIME)
        if follow.sum() > len(shown) // 2:
            return float(np.median(np.diff(ticks)[follow]))
    stated = durations[durations > 0]
    return float(np.median(stated)) if len(stated) else 0.0


def _filled_in(shown: Ticks, frame_ticks: float) -> DisplayTimes:
    """Put the doubtful packets into the holes between valid stamps."""
    known, first = np.unique(shown, return_index=True)
    if known[0] == NO_TIME:
        known, first = known[1:], first[1:]
    counts = np.unique(shown, return_counts=True)[1][-len(known) :]
    missing = np.setdiff1d(np.arange(len(shown)), first)
    if frame_ticks <= 0:
        frame_ticks = float(known[-1] - known[0]) / max(1, int(first[-1]) - int(first[0]))
    room = np.maximum(0, np.rint(np.diff(known) / frame_ticks).astype(np.int64) - 1)
    into = _holes(missing, first, room.copy())
    ticks, doubtful = [known], {}
    for hole in sorted(set(into)):
        inside = missing[[one == hole for one in into]]
        steps = np.arange(1, len(inside) + 1)
        if hole < len(room):
            gap = int(known[hole + 1] - known[hole])
            ticks.append(known[hole] + np.rint(steps * gap / (int(room[hole]) + 1)).astype(np.int64))
            if len(inside) < room[hole]:
                doubtful[int(inside[0])] = (
                    f"{len(inside)} frames without a time stamp of their own lie where {room[hole]} would fit"
                )
        else:
            ticks.append(known[-1] + np.rint(steps * frame_ticks).astype(np.int64))
    together = np.sort(np.concatenate(ticks))
    valid = (shown != NO_TIME) & np.isin(shown, known[counts == 1])
    places = np.full(len(shown), UNKNOWN, np.int64)
    places[valid] = np.searchsorted(together, shown[valid])
    return DisplayTimes(together, places, frame_ticks, doubtful)


def _holes(missing: Ticks, decoded_at: Ticks, room: Ticks) -> list[int]:
    """For each doubtful packet the hole it belongs into: before stamp 1, 2 …, or after the last one.

    Args:
        missing: doubtful packets, in the order of decoding.
        decoded_at: the packet of each valid stamp, the stamps in order.
        room: how many frames fit between a stamp and the next; used up here.

    Raises:
        MediaError: `no_clock`, there is no hole near one of them.
    """
    # The first and last packet around each hole; both rise but for the reordering, so a hole is found by its number.
    around = [(min(a, b) - MOST_REORDERED, max(a, b) + MOST_REORDERED) for a, b in pairwise(decoded_at.tolist())]
    last = int(decoded_at.max())
    holes, start = [], 0
    for packet in missing.tolist():
        while start < len(room) and around[start][1] < packet:
            start += 1
        hole = start
        while hole < len(room) and around[hole][0] <= packet and not (room[hole] and packet <= around[hole][1]):
            hole += 1
        if hole < len(room) and around[hole][0] <= packet:
            room[hole] -= 1
            holes.append(hole)
        elif packet > last - MOST_REORDERED:
            holes.append(len(room))
        else:
            raise MediaError(
                "no_clock",
                f"frame {packet + 1} has no time stamp of its own, and those of its neighbours leave no room for it",
            )
    return holes
