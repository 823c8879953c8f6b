"""When each picture is shown and when sound runs, told from packets alone (nothing is decoded but to choose the sound).

Seconds since the container's start. A container's header may lie about length and rate; its packets cannot be longer
than what they hold. AVI stores no display times: FFmpeg guesses them wrongly once pictures are reordered (B-frames),
so there, and wherever display times are missing or doubled, the i-th picture shown takes the i-th decoding time.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from mova_core.errors import MediaError
from mova_core.media.audio_track import Heard, Listener
from mova_core.media.demux import Container, read_errors

LONGEST_GAP_S = 60.0  # a longer one is a clock that jumps: filling it would make hours out of a damaged number
GAPLESS = ("flac", "ogg")  # they number samples; a frame or page whose sum is wrong FFmpeg drops without a word
NO_TIME = -(2**63)  # FFmpeg's AV_NOPTS_VALUE; no packet has it as its time
MICROSECOND = Fraction(1, 1_000_000)
VP8_SHOWN = 0x10  # bit of a packet's first byte
NOT_A_PICTURE = Disposition.attached_pic | Disposition.timed_thumbnails


@dataclass(frozen=True)
class Track:
    """One stream's packets on the file's clock.

    Args:
        times_s: float64 [N], rising; of pictures when each is shown, of sound when each packet begins.
        end_s: when the last one ends.
        rebuilt: display times were missing or wrong; pictures take `times_s` in the order they are shown.
    """

    times_s: NDArray[np.float64]
    end_s: float
    rebuilt: bool = False

    @property
    def start_s(self) -> float:
        return float(self.times_s[0])


@dataclass(frozen=True)
class Clock:
    """The clock of one file.

    Args:
        zero: its zero on the container's own time line.
        video: when its pictures are shown.
        audio: when the sound that is heard runs.
        heard: which sound that is.
        gapless: the container cannot leave a gap in its sound: where there is one, a damaged piece was dropped.
    """

    zero: Fraction
    video: Track | None
    audio: Track | None
    heard: Heard = field(default_factory=Heard)
    gapless: bool = False

    def seconds(self, ticks: int, time_base: Fraction | None) -> float:
        """A stream's time stamp on the file's clock."""
        assert time_base is not None  # whatever has a time stamp has its unit
        zero = self.zero
        # The quotient of whole numbers is rounded once, like the fraction that it stands for.
        numerator = ticks * time_base.numerator * zero.denominator - zero.numerator * time_base.denominator
        return numerator / (time_base.denominator * zero.denominator)

    def audio_stream(self, container: InputContainer) -> AudioStream | None:
        """The sound that is heard, in a container opened anew."""
        return _nth(container.streams.audio, self.heard.track)


def first_video(container: InputContainer) -> VideoStream | None:
    """The first stream of moving pictures; cover art is none."""
    return next((s for s in container.streams.video if not s.disposition & NOT_A_PICTURE), None)


def _nth(streams: Sequence[AudioStream], number: int) -> AudioStream | None:
    return streams[number] if number < len(streams) else None


def read_clock(container: InputContainer, kind: Container) -> Clock:
    """Read all packets of the first video stream and of the sound; choose the sound that is heard (`hearing.py`).

    Raises:
        MediaError: `decode_error` when the packets cannot be read, `no_clock` when pictures carry no usable times,
            `no_keyframe` when there is nowhere to begin, `clock_jump` when times leap.
    """
    video, tracks = first_video(container), container.streams.audio
    zeros = [_zero(container, video, track) for track in tracks] or [_zero(container, video)]
    pictures, sounds = _Stamps(), {track.index: _Stamps() for track in tracks}
    listener = Listener(tracks)
    unshown = 0
    wanted = [stream for stream in (video, *tracks) if stream is not None]
    with read_errors("decode_error", "its packets cannot be read"):
        for packet in container.demux(wanted) if wanted else ():
            if packet.size == 0 or packet.is_discard or _is_hidden(packet):
                continue
            if packet.stream is not video:
                sounds[packet.stream.index].add(packet)
                listener.hear(packet)
            elif len(pictures) or packet.is_keyframe:  # a recording may begin between two keyframes
                pictures.add(packet)
            else:
                unshown += 1
    if unshown and not len(pictures):
        raise MediaError("no_keyframe", f"none of its {unshown} video packets can be decoded by itself")
    heard = listener.heard()
    audio, zero = _nth(tracks, heard.track), zeros[heard.track]
    return Clock(
        zero,
        pictures.shown(video.time_base, zero, kind.name == "avi") if video is not None and len(pictures) else None,
        sounds[audio.index].heard(audio.time_base, zero) if audio is not None else None,
        heard,
        kind.name in GAPLESS,
    )


def _is_hidden(packet: "Packet[Any]") -> bool:
    """Whether a VP8 packet is never shown: a reference picture beside those of the film (RFC 6386, section 9.1)."""
    context = packet.stream.codec_context
    return context is not None and context.name == "vp8" and not memoryview(packet)[0] & VP8_SHOWN


class _Stamps:
    """Time stamps of one stream's packets, in ticks: 24 bytes a packet, for a film has half a million of them."""

    def __init__(self) -> None:
        self._shown, self._decoded, self._lasts = array("q"), array("q"), array("q")

    def __len__(self) -> int:
        return len(self._shown)

    def add(self, packet: "Packet[Any]") -> None:
        self._shown.append(NO_TIME if packet.pts is None else packet.pts)
        self._decoded.append(NO_TIME if packet.dts is None else packet.dts)
        self._lasts.append(packet.duration or 0)

    def shown(self, time_base: Fraction | None, zero: Fraction, guessed: bool) -> Track:
        """The track of a picture stream; `guessed` when the container stores no display times."""
        shown, decoded = _ticks(self._shown), _ticks(self._decoded)
        reordered = guessed and (shown != decoded).any()
        rebuilt = bool(reordered or not _tell_apart(shown))
        ticks = decoded if rebuilt else shown
        if not _tell_apart(ticks):
            raise MediaError("no_clock", "its pictures carry neither display nor decoding times that tell them apart")
        order = np.argsort(ticks)
        lasts = self._lasts[order[-1]]
        if rebuilt and len(ticks) > 1:
            lasts = int(np.median(np.diff(ticks[order])))  # such a container's own durations are as wrong
        return _track(ticks[order], lasts, time_base, zero, rebuilt)

    def heard(self, time_base: Fraction | None, zero: Fraction) -> Track | None:
        """The track of a sound stream; packets without a time follow the one before."""
        ticks = _ticks(self._shown)
        ticks = np.sort(ticks[ticks != NO_TIME])
        return _track(ticks, self._lasts[-1], time_base, zero, False) if len(ticks) else None


def _ticks(times: "array[int]") -> NDArray[np.int64]:
    return np.frombuffer(times, np.int64)


def _tell_apart(ticks: NDArray[np.int64]) -> bool:
    """Whether each picture has a time, and no two the same."""
    return NO_TIME not in ticks and bool((np.diff(np.sort(ticks)) > 0).all())


def _track(ticks: NDArray[np.int64], lasts: int, time_base: Fraction | None, zero: Fraction, rebuilt: bool) -> Track:
    assert time_base is not None
    seconds = (ticks * time_base.numerator) / time_base.denominator - float(zero)
    gaps = np.diff(seconds)
    if len(gaps) and gaps.max() > LONGEST_GAP_S:
        before_s = seconds[int(np.argmax(gaps))]
        raise MediaError("clock_jump", f"its times jump by {gaps.max():.0f} s after {before_s:.3f} s")
    return Track(seconds, float((int(ticks[-1]) + lasts) * time_base - zero), rebuilt)


def _zero(container: InputContainer, *streams: VideoStream | AudioStream | None) -> Fraction:
    """The container's start; to the tick where a stream begins there (the container knows whole microseconds only)."""
    start = (container.start_time or 0) * MICROSECOND
    for stream in streams:
        if stream is not None and stream.start_time is not None and stream.time_base is not None:
            exact = stream.start_time * stream.time_base
            if abs(exact - start) <= MICROSECOND:
                return exact
    return start
