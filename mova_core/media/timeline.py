"""Timeline of a file: when each frame is shown and when audio runs, read from packets alone.

Nothing is decoded except to select the audio track. Times are seconds since the container's start. A header may state a
wrong length or rate; packets cannot be longer than what they contain. AVI stores no display times, and FFmpeg guesses
them wrongly once frames are reordered (B-frames). So there, and wherever display times are missing or doubled, the i-th
frame shown takes the i-th decoding time.
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
from mova_core.media.audio_track import AudioSelection, AudioTrackSelector
from mova_core.media.containers import Container
from mova_core.media.demux import read_errors

LONGEST_GAP_S = 60.0  # a longer one is a clock that jumps: filling it would make hours out of a damaged number
GAPLESS = ("flac", "ogg")  # they number samples; a frame or page whose sum is wrong FFmpeg drops without a word
NO_TIME = -(2**63)  # FFmpeg's AV_NOPTS_VALUE; no packet has it as its time
MICROSECOND = Fraction(1, 1_000_000)
VP8_SHOWN = 0x10  # bit of a packet's first byte
NOT_A_VIDEO = Disposition.attached_pic | Disposition.timed_thumbnails


@dataclass(frozen=True)
class Track:
    """One stream's packets on the file's timeline.

    Args:
        times_s: float64 [N], rising; of frames when each is shown, of audio when each packet begins.
        end_s: when the last one ends.
        rebuilt: display times were missing or wrong; frames take `times_s` in the order they are shown.
    """

    times_s: NDArray[np.float64]
    end_s: float
    rebuilt: bool = False

    @property
    def start_s(self) -> float:
        return float(self.times_s[0])


@dataclass(frozen=True)
class Timeline:
    """The clock of one file.

    Args:
        zero: its zero on the container's own time line.
        video: when its frames are shown.
        audio: packets of the selected audio track.
        selection: which audio track and channels are used.
        gapless: the container cannot leave a gap in its audio: where there is one, a damaged piece was dropped.
    """

    zero: Fraction
    video: Track | None
    audio: Track | None
    selection: AudioSelection = field(default_factory=AudioSelection)
    gapless: bool = False

    def seconds(self, ticks: int, time_base: Fraction | None) -> float:
        """A stream's time stamp on the file's timeline."""
        assert time_base is not None  # whatever has a time stamp has its unit
        zero = self.zero
        # The quotient of whole numbers is rounded once, like the fraction that it stands for.
        numerator = ticks * time_base.numerator * zero.denominator - zero.numerator * time_base.denominator
        return numerator / (time_base.denominator * zero.denominator)

    def audio_stream(self, container: InputContainer) -> AudioStream | None:
        """The selected audio stream, in a container opened anew."""
        return _nth(container.streams.audio, self.selection.track)


def first_video(container: InputContainer) -> VideoStream | None:
    """The first video stream; cover art does not count."""
    return next((s for s in container.streams.video if not s.disposition & NOT_A_VIDEO), None)


def _nth(streams: Sequence[AudioStream], number: int) -> AudioStream | None:
    return streams[number] if number < len(streams) else None


def read_timeline(container: InputContainer, kind: Container) -> Timeline:
    """Read all packets of the first video stream and of the audio; select the audio track (`audio_track.py`).

    Raises:
        MediaError: `decode_error` when the packets cannot be read, `no_timeline` when frames carry no usable times,
            `no_keyframe` when there is nowhere to begin, `timeline_jump` when times leap.
    """
    video, tracks = first_video(container), container.streams.audio
    zeros = [_zero(container, video, track) for track in tracks] or [_zero(container, video)]
    video_times, audio_times = _PacketTimes(), {track.index: _PacketTimes() for track in tracks}
    selector = AudioTrackSelector(tracks)
    unshown = 0
    wanted = [stream for stream in (video, *tracks) if stream is not None]
    with read_errors("decode_error", "its packets cannot be read"):
        for packet in container.demux(wanted) if wanted else ():
            if packet.size == 0 or packet.is_discard or _is_hidden(packet):
                continue
            if packet.stream is not video:
                audio_times[packet.stream.index].add(packet)
                selector.add(packet)
            elif len(video_times) or packet.is_keyframe:  # a recording may begin between two keyframes
                video_times.add(packet)
            else:
                unshown += 1
    if unshown and not len(video_times):
        raise MediaError("no_keyframe", f"none of its {unshown} video packets can be decoded by itself")
    selection = selector.selection()
    audio, zero = _nth(tracks, selection.track), zeros[selection.track]
    return Timeline(
        zero,
        video_times.video_track(video.time_base, zero, kind.name == "avi")
        if video is not None and len(video_times)
        else None,
        audio_times[audio.index].audio_track(audio.time_base, zero) if audio is not None else None,
        selection,
        kind.name in GAPLESS,
    )


def _is_hidden(packet: "Packet[Any]") -> bool:
    """Whether a VP8 packet is never shown: a reference frame beside those of the film (RFC 6386, section 9.1)."""
    context = packet.stream.codec_context
    return context is not None and context.name == "vp8" and not memoryview(packet)[0] & VP8_SHOWN


class _PacketTimes:
    """Time stamps of one stream's packets, in ticks: 24 bytes a packet, for a film has half a million of them."""

    def __init__(self) -> None:
        self._display, self._decode, self._durations = array("q"), array("q"), array("q")

    def __len__(self) -> int:
        return len(self._display)

    def add(self, packet: "Packet[Any]") -> None:
        self._display.append(NO_TIME if packet.pts is None else packet.pts)
        self._decode.append(NO_TIME if packet.dts is None else packet.dts)
        self._durations.append(packet.duration or 0)

    def video_track(self, time_base: Fraction | None, zero: Fraction, guessed: bool) -> Track:
        """The track of a video stream; `guessed` when the container stores no display times."""
        shown, decoded = _ticks(self._display), _ticks(self._decode)
        reordered = guessed and (shown != decoded).any()
        rebuilt = bool(reordered or not _tell_apart(shown))
        ticks = decoded if rebuilt else shown
        if not _tell_apart(ticks):
            raise MediaError("no_clock", "its frames carry neither display nor decoding times that tell them apart")
        order = np.argsort(ticks)
        lasts = self._durations[order[-1]]
        if rebuilt and len(ticks) > 1:
            lasts = int(np.median(np.diff(ticks[order])))  # such a container's own durations are as wrong
        return _track(ticks[order], lasts, time_base, zero, rebuilt)

    def audio_track(self, time_base: Fraction | None, zero: Fraction) -> Track | None:
        """The track of an audio stream; packets without a time follow the one before."""
        ticks = _ticks(self._display)
        ticks = np.sort(ticks[ticks != NO_TIME])
        return _track(ticks, self._durations[-1], time_base, zero, False) if len(ticks) else None


def _ticks(times: "array[int]") -> NDArray[np.int64]:
    return np.frombuffer(times, np.int64)


def _tell_apart(ticks: NDArray[np.int64]) -> bool:
    """Whether each frame has a time, and no two the same."""
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
