"""Pictures and sound of one file in one strict pass, on one honest clock.

Clock: seconds since the container's start (see `clock.py`). Pictures are coded pixels: neither rotation nor sample
aspect is applied; those flagged as interlaced are made whole (`interlace.py`). Sound is the mean of the channels that
sound, of the first track that does (`hearing.py`); gaps are filled with silence and overlaps trimmed, so the samples
of all `Sound` pieces joined are one gapless line. One thread, so the same file gives the same bytes everywhere.
Nothing concealed is ever passed on: the first damaged packet or frame ends the pass with a MediaError, and so does a
packet that vanishes in the decoder without a word.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from mova_core.errors import MediaError
from mova_core.media.audio_resample import Sound, SoundLine
from mova_core.media.deinterlace import Deinterlacer
from mova_core.media.demux import decode_strictly, open_media, read_errors
from mova_core.media.timeline import Clock, Track, first_video, read_clock

HD_HEIGHT_PX = 720  # from here on untagged pictures are meant in BT.709, below in BT.601
UNTAGGED_COLORSPACES = (2, 3)  # ITU-T H.273: unspecified, reserved
EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT
SCALING = Interpolation.BICUBIC | EXACT
SHRINKING = Interpolation.AREA | EXACT  # a quarter of the taps
SAME_TIME_S = 1e-6
FULL_RANGE = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)  # of luma in 16..235


@dataclass(frozen=True)
class Frame:
    """One picture as coded, made whole if it was interlaced.

    Args:
        time_s: when it is first shown.
        picture: the decoder's frame, or what became of it.
    """

    time_s: float
    picture: av.VideoFrame

    def rgb(self, width_px: int | None = None, height_px: int | None = None) -> NDArray[np.uint8]:
        """Full-range RGB [H, W, 3], coded orientation, scaled down to means over areas when a size is given."""
        return self._converted("rgb24", width_px, height_px).to_ndarray().astype(np.uint8, copy=False)

    @property
    def colorspace(self) -> int:
        """Its matrix (ITU-T H.273), or the usual one of its size where it is not tagged."""
        if self.picture.colorspace in UNTAGGED_COLORSPACES:
            return Colorspace.ITU709 if self.picture.height >= HD_HEIGHT_PX else Colorspace.ITU601
        return self.picture.colorspace

    def luma(self) -> NDArray[np.uint8]:
        """Luma [H, W] of the coded pixels, 0 black to 255 white."""
        import cv2

        pixels, picture = self.picture.format, self.picture
        if pixels.is_rgb or not pixels.is_planar or pixels.components[0].bits != 8:
            picture = self._converted("yuv444p")
        plane = picture.planes[0]
        lines = np.frombuffer(memoryview(plane), np.uint8)[: plane.height * plane.line_size]
        coded = lines.reshape(plane.height, plane.line_size)[:, : plane.width]
        if picture.color_range == ColorRange.JPEG:
            return coded
        return cv2.LUT(coded, FULL_RANGE).astype(np.uint8, copy=False)

    def _converted(self, pixels: str, width_px: int | None = None, height_px: int | None = None) -> av.VideoFrame:
        """In other pixels of full range, by its own matrix: by another one its luma would change."""
        return self.picture.reformat(
            width=width_px,
            height=height_px,
            format=pixels,
            src_colorspace=self.colorspace,
            dst_colorspace=self.colorspace,
            dst_color_range=ColorRange.JPEG,
            interpolation=SCALING if width_px is None else SHRINKING,
            threads=1,
        )


def decode(path: Path, *, audio_rate_hz: int | None, video: bool = True) -> Iterator[Frame | Sound]:
    """All pictures of a file's first video stream, and all of the sound that is heard.

    Pictures come in display order with strictly rising times, sound in rising times; the two are interleaved as the
    file has them.

    Args:
        path: the file.
        audio_rate_hz: samples per second of the mono sound; None leaves the sound out.
        video: False leaves the pictures out.

    Raises:
        MediaError: it cannot be opened, a stream asked for is missing (`no_video`, `no_audio`), or it is damaged
            (`decode_error`, naming the time).
    """
    with open_media(path) as (container, kind):
        clock = read_clock(container, kind)
    with open_media(path) as (container, _):  # read again from the start: not every container can seek there
        yield from decode_opened(container, clock, audio_rate_hz=audio_rate_hz, video=video)


def decode_opened(
    container: InputContainer, clock: Clock, *, audio_rate_hz: int | None, video: bool = True
) -> Iterator[Frame | Sound]:
    """As `decode`, of a container just opened whose clock is known."""
    pictures = first_video(container) if video else None
    sounds = clock.audio_stream(container) if audio_rate_hz is not None else None
    if video and (pictures is None or clock.video is None):
        raise MediaError("no_video", "no video stream with pictures in it")
    if audio_rate_hz is not None and (sounds is None or clock.audio is None):
        raise MediaError("no_audio", "no audio stream with sound in it")
    wanted = [stream for stream in (pictures, sounds) if stream is not None]
    _prepare(container, wanted)
    screen = _Screen(clock, clock.video) if pictures is not None and clock.video is not None else None
    line = None
    if sounds is not None and audio_rate_hz is not None:
        line = SoundLine(clock, audio_rate_hz, sounds.codec_context.name)
    for packet in _packets(container, wanted):
        if packet.stream is pictures and screen is not None:
            yield from screen.decoded(packet)
        elif line is not None:
            frames = _decoded(packet, clock)
            if not frames and not packet.is_discard:
                line.silent_packet()
            for frame in frames:
                yield from line.add(frame)
    if screen is not None:
        yield from screen.end()
    if line is not None:
        yield from line.end()


def _prepare(container: InputContainer, wanted: list[VideoStream | AudioStream]) -> None:
    """Read these streams alone, strictly, in one thread."""
    for stream in container.streams:
        if stream not in wanted:
            stream.discard = Discard.all
    for stream in wanted:
        check_decoder(stream)
        decode_strictly(stream)


def check_decoder(stream: VideoStream | AudioStream) -> None:
    """Refuse a stream that nothing here decodes.

    Raises:
        MediaError: `unknown_codec`.
    """
    if stream.codec_context is None:
        raise MediaError("unknown_codec", f"there is no decoder for its {stream.type}")


class _Screen:
    """Turns packets of the video stream into pictures with their times, and misses those that do not appear."""

    def __init__(self, clock: Clock, track: Track) -> None:
        self._clock = clock
        self._track = track
        self._begun = False
        self._last: Frame | None = None
        self._last_is_interlaced = False
        self._deinterlacer = Deinterlacer()
        self._next = 0  # index in the track's times of the picture to come

    def end(self) -> Iterator[Frame]:
        """The last pictures; a stream that lacks some of them is refused."""
        if self._last is None:
            raise MediaError("decode_error", f"damaged video: none of its {len(self._track.times_s)} pictures decode")
        self._check_none_missing(len(self._track.times_s))
        yield from starmap(Frame, self._deinterlacer.end())

    def decoded(self, packet: "Packet[Any]") -> Iterator[Frame]:
        self._begun = self._begun or packet.is_keyframe
        if not self._begun:
            return  # a recording that begins between two keyframes: nothing can be shown yet
        for picture in _decoded(packet, self._clock):
            frame = Frame(self._time(picture), picture)
            self._check_follows(frame)
            self._last, self._last_is_interlaced = frame, picture.interlaced_frame
            yield from starmap(Frame, self._deinterlacer.push(frame.time_s, picture))

    def _time(self, picture: av.VideoFrame) -> float:
        if self._track.rebuilt:
            times = self._track.times_s
            if self._next == len(times):
                raise MediaError("decode_error", f"it decodes to more than the {len(times)} pictures it holds")
            return float(times[self._next])
        if picture.pts is None:
            after = "the start" if self._last is None else f"{self._last.time_s:.3f} s"
            raise MediaError("no_clock", f"the picture after {after} has no time")
        return self._clock.seconds(picture.pts, picture.time_base)

    def _check_follows(self, frame: Frame) -> None:
        place = int(np.searchsorted(self._track.times_s, frame.time_s - SAME_TIME_S))
        if self._last is not None:
            last, size = self._last, (frame.picture.width, frame.picture.height)
            if (last.picture.width, last.picture.height) != size:
                raise MediaError("size_changes", f"the picture's size changes to {size} at {frame.time_s:.3f} s")
            if frame.time_s <= last.time_s:
                raise MediaError(
                    "clock_backwards", f"picture times go from {last.time_s:.3f} s back to {frame.time_s:.3f} s"
                )
            self._check_none_missing(place)
        self._next = place + 1

    def _check_none_missing(self, place: int) -> None:
        if self._last is None or place <= self._next:
            return
        if not self._track.rebuilt and self._last_is_interlaced:
            return  # each field may be a packet of its own
        raise MediaError(
            "decode_error",
            f"damaged video after {self._last.time_s:.3f} s: {place - self._next} pictures do not decode",
        )


def _packets(container: InputContainer, wanted: list[VideoStream | AudioStream]) -> "Iterator[Packet[Any]]":
    """Packets of these streams, a last empty one of each to flush its decoder included."""
    packets = container.demux(wanted)
    while True:
        with read_errors("decode_error", "its packets cannot be read"):
            packet = next(packets, None)
        if packet is None:
            return
        if packet.size or packet.dts is None:  # AVI marks a picture that stays with an empty packet: nothing to decode
            yield packet


def _decoded(packet: "Packet[Any]", clock: Clock) -> list[Any]:
    stamp = packet.pts if packet.pts is not None else packet.dts
    where = "at the end" if stamp is None else f"at {clock.seconds(stamp, packet.time_base):.3f} s"
    what = f"damaged {packet.stream.type} {where}"
    if packet.is_corrupt:
        raise MediaError("decode_error", f"{what}: its packet is incomplete")
    with read_errors("decode_error", what):
        frames = packet.decode()
    if any(frame.is_corrupt for frame in frames):
        raise MediaError("decode_error", f"{what}: it cannot be decoded whole")
    return frames
