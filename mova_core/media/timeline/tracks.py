"""The tracks of a file: when each frame is shown and when each piece of audio begins, as its packets' stamps tell."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from av.packet import Packet
from numpy.typing import NDArray

from mova_core.errors import MediaError
from mova_core.media.timeline.frame_stamps import MOST_REORDERED, NO_TIME, DisplayTimes, display_times
from mova_core.media.timeline.gaps import find_gaps

LONGEST_GAP_S = 60.0  # a longer one in which the other stream is not there either is a clock that jumps
LONGEST_STEP_BACK_S = 1.0  # of stamps in the order of decoding; more is a clock that starts anew


@dataclass(frozen=True)
class Track:
    """One stream's packets on the file's timeline.

    Args:
        times_s: float64 [N], rising; of frames when each is shown, of audio when each packet begins.
        end_s: when the last one ends.
    """

    times_s: NDArray[np.float64]
    end_s: float

    @property
    def start_s(self) -> float:
        return float(self.times_s[0])


@dataclass(frozen=True)
class Break:
    """A place in the order of decoding from which frames cannot be trusted until the next key frame.

    Args:
        start_s: from when on what is shown is lost.
        code, cause: as in `Lost`; the cause is part of its sentence.
        gap_end_s: of a gap, when the next frame is shown; of anything else 0.
        gap_frames: of a gap, how many would fit.
    """

    start_s: float
    code: str
    cause: str
    gap_end_s: float = 0.0
    gap_frames: int = 0


@dataclass(frozen=True)
class VideoTrack(Track):
    """The video's packets, from the first key frame on.

    Args:
        places: int64 [N], in the order of decoding: which of `times_s` is a packet's; -1 where only decoding tells,
            and such a frame takes the place after the one shown before it.
        keys: bool [N], in the order of decoding: decoding can begin there.
        gaps: numbers of the frames, in the order shown, after which nothing was recorded for a while (`gaps.py`).
        breaks: by the packet before which they are.
    """

    places: NDArray[np.int64]
    keys: NDArray[np.bool_]
    gaps: NDArray[np.int64]
    breaks: dict[int, Break]

    @property
    def recorded_s(self) -> NDArray[np.float64]:
        """Distances of frames, in seconds, without those over gaps."""
        return np.delete(np.diff(self.times_s), self.gaps)


class PacketTimes:
    """Time stamps of one stream's packets, in ticks: 25 bytes a packet, for a film has half a million of them."""

    def __init__(self) -> None:
        self._display, self._decode, self._durations = array("q"), array("q"), array("q")
        self._keys = bytearray()

    def __len__(self) -> int:
        return len(self._display)

    def add(self, packet: "Packet[Any]") -> None:
        self._display.append(NO_TIME if packet.pts is None else packet.pts)
        self._decode.append(NO_TIME if packet.dts is None else packet.dts)
        self._durations.append(packet.duration or 0)
        self._keys.append(packet.is_keyframe)

    def video_track(self, time_base: Fraction | None, zero: Fraction, stores_display_times: bool) -> VideoTrack:
        """The track of a video stream."""
        shown, decoded, durations = _ticks(self._display), _ticks(self._decode), _ticks(self._durations)
        _check_never_back(decoded if (decoded != NO_TIME).any() else shown, time_base, zero)
        found = display_times(shown, decoded, durations, stores_display_times)
        seconds = _seconds(found.ticks, time_base, zero)
        is_told = len(found.places) == 0 or bool((found.places >= 0).all())
        # Where stamps had to be repaired the container's own durations are as wrong.
        lasts = int(durations[np.argmax(found.places)]) if is_told else round(found.frame_ticks)
        end_s = _seconds(found.ticks[-1:] + lasts, time_base, zero)[0]
        keys = np.frombuffer(self._keys, np.bool_)
        gaps = find_gaps(seconds, counts_packets=not stores_display_times)
        return VideoTrack(seconds, float(end_s), found.places, keys, gaps, _breaks(found, seconds, gaps))

    def audio_track(self, time_base: Fraction | None, zero: Fraction) -> Track | None:
        """The track of an audio stream; packets without a time follow the one before."""
        ticks = _ticks(self._display)
        ticks = ticks[ticks != NO_TIME]
        if not len(ticks):
            return None
        _check_never_back(ticks, time_base, zero)
        ticks = np.sort(ticks)
        end_s = _seconds(ticks[-1:] + self._durations[-1], time_base, zero)[0]
        return Track(_seconds(ticks, time_base, zero), float(end_s))


def _ticks(times: "array[int]") -> NDArray[np.int64]:
    return np.frombuffer(times, np.int64)


def _seconds(ticks: NDArray[np.int64], time_base: Fraction | None, zero: Fraction) -> NDArray[np.float64]:
    assert time_base is not None  # whatever has a time stamp has its unit
    seconds: NDArray[np.float64] = (ticks * time_base.numerator) / time_base.denominator - float(zero)
    return seconds


def _breaks(found: DisplayTimes, times_s: NDArray[np.float64], gaps: NDArray[np.int64]) -> dict[int, Break]:
    """Where nothing was recorded for a while, and where it cannot be told when a frame is shown."""
    breaks = {}
    usual_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.0
    first_after = _first_decoded_from(found.places)
    for frame in gaps.tolist():
        start_s, end_s = float(times_s[frame]) + usual_s, float(times_s[frame + 1])
        cause = f"nothing was recorded from {start_s:.3f} to {end_s:.3f} s"
        frames = round((end_s - start_s) / usual_s)
        breaks[first_after(frame + 1)] = Break(start_s, "gap", cause, end_s, frames)
    for packet, cause in found.doubtful.items():
        before = found.places[:packet].max(initial=0)
        breaks[packet] = Break(float(times_s[before]) + usual_s, "no_clock", cause)
    return breaks


def _first_decoded_from(places: NDArray[np.int64]) -> Callable[[int], int]:
    """Gives the first packet, in the order of decoding, that is shown at a place or later."""
    if (places < 0).all():
        return lambda place: place  # frames whose order only decoding tells
    return lambda place: int(np.argmax(places >= place))


def _check_never_back(ticks: NDArray[np.int64], time_base: Fraction | None, zero: Fraction) -> None:
    """Refuse stamps, in the order of decoding, that start anew."""
    seconds = _seconds(ticks[ticks != NO_TIME], time_base, zero)
    steps = np.diff(seconds)
    if not len(steps):
        return
    reordered_s = MOST_REORDERED * float(np.median(np.abs(steps)))  # where stamps are display times
    if steps.min() < -max(LONGEST_STEP_BACK_S, reordered_s):
        before = int(np.argmin(steps))
        raise MediaError(
            "clock_jump",
            f"its clock goes back from {seconds[before]:.3f} to {seconds[before + 1]:.3f} s: recordings that were "
            "joined, each with a clock of its own; remux them onto one clock, or bring each as a file of its own",
        )


def check_clocks(tracks: dict[str, Track | None]) -> None:
    """Refuse a leap in one stream while the other one is not there: nobody knows how long it truly lasts.

    While the other stream runs, the same is a gap.
    """
    for name, other in (("video", "audio"), ("audio", "video")):
        track, beside = tracks[name], tracks[other]
        if track is None or len(track.times_s) < 2:
            continue
        leaps = np.diff(track.times_s)
        for before in np.flatnonzero(leaps > LONGEST_GAP_S).tolist():
            start_s, end_s = float(track.times_s[before]), float(track.times_s[before + 1])
            others_s = np.zeros(0) if beside is None else beside.times_s
            meanwhile = others_s[(others_s > start_s) & (others_s < end_s)]
            if len(meanwhile) and np.diff([start_s, *meanwhile, end_s]).max() <= LONGEST_GAP_S:
                continue
            joined = beside is not None and beside.end_s >= end_s
            why = "the clocks of video and audio both do: recordings that were joined, or a damaged time stamp"
            raise MediaError(
                "clock_jump",
                f"its {name} jumps by {end_s - start_s:.0f} s after {start_s:.3f} s, "
                + (why if joined else f"and no {other} runs meanwhile: a damaged time stamp"),
            )
