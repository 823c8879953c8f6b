"""Decode the frames and audio of one file in one strict pass, on one timeline.

Times are seconds since the container's start (`timeline.py`). Frames are coded pixels: neither rotation nor sample
aspect is applied; frames flagged as interlaced are deinterlaced (`deinterlace.py`). Audio is the mono mix of the first
audible track (`audio_track.py`) on the clock of its stamps (`audio_clock.py`); what is lost is silence and overlaps are
trimmed, so the samples of all `AudioChunk`s joined are one gapless signal. One thread, so the same file gives the same
bytes everywhere. Damage is never concealed: the first damaged packet or frame of the video ends the pass with a
MediaError, and so does a packet for which the decoder returns nothing. What is lost while the rest lives is told by a
`Lost`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import Any, cast

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
from mova_core.media.audio_resample import AudioChunk, AudioResampler
from mova_core.media.color import BT2020, Color, Pixels, check_color, color_of
from mova_core.media.deinterlace import Deinterlacer
from mova_core.media.demux import decode_strictly, open_media, read_errors
from mova_core.media.lost import Lost
from mova_core.media.timeline import Timeline, Track, first_video, read_timeline

HD_HEIGHT_PX = 720  # from here on untagged frames are meant in BT.709, below in BT.601
UNTAGGED_COLORSPACES = (2, 3)  # ITU-T H.273: unspecified, reserved
EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT
SCALING = Interpolation.BICUBIC | EXACT
SHRINKING = Interpolation.AREA | EXACT  # a quarter of the taps
SAME_TIME_S = 1e-6
RGB, RGB_12_BITS = "rgb24", "gbrp12le"
FULL_RANGE = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)  # of luma in 16..235


@dataclass(frozen=True)
class Frame:
    """One frame as coded, made whole if it was interlaced.

    Args:
        time_s: when it is first shown.
        image: the decoder's frame, or what became of it.
    """

    time_s: float
    image: av.VideoFrame

    def rgb(self, width_px: int | None = None, height_px: int | None = None) -> NDArray[np.uint8]:
        """Full-range BT.709 RGB [H, W, 3], coded orientation, scaled down to means over areas when a size is given."""
        return self.color.to_bt709(self.coded_rgb(width_px, height_px))

    def coded_rgb(self, width_px: int | None = None, height_px: int | None = None) -> Pixels:
        """The same in its own colours: uint8 where they are BT.709's, else 12 bits in uint16 (`Color.to_bt709`)."""
        pixels: Any = self._converted(RGB if self.color.is_bt709 else RGB_12_BITS, width_px, height_px).to_ndarray()
        return cast(Pixels, pixels)

    @property
    def color(self) -> Color:
        """What its tags state of its colours."""
        return color_of(self.image)

    @property
    def colorspace(self) -> int:
        """Its matrix (ITU-T H.273), or the usual one of its primaries or size where it is not tagged."""
        if self.image.colorspace in UNTAGGED_COLORSPACES:
            if self.color.gamut == BT2020:
                return Colorspace.BT2020
            return Colorspace.ITU709 if self.image.height >= HD_HEIGHT_PX else Colorspace.ITU601
        return self.image.colorspace

    def luma(self) -> NDArray[np.uint8]:
        """Luma [H, W] of the coded pixels, 0 black to 255 white; of HDR what a grey of that luma becomes in BT.709."""
        import cv2

        pixels, image = self.image.format, self.image
        if pixels.is_rgb or not pixels.is_planar or pixels.components[0].bits != 8:
            image = self._converted("yuv444p")
        plane = image.planes[0]
        lines = np.frombuffer(memoryview(plane), np.uint8)[: plane.height * plane.line_size]
        coded = lines.reshape(plane.height, plane.line_size)[:, : plane.width]
        if not self.color.is_bt709:
            greys = self.color.greys()
            table = greys if image.color_range == ColorRange.JPEG else greys[FULL_RANGE]
        elif image.color_range == ColorRange.JPEG:
            return coded
        else:
            table = FULL_RANGE
        return cv2.LUT(coded, table).astype(np.uint8, copy=False)

    def _converted(self, pixels: str, width_px: int | None = None, height_px: int | None = None) -> av.VideoFrame:
        """In other pixels of full range, by its own matrix: by another one its luma would change."""
        return self.image.reformat(
            width=width_px,
            height=height_px,
            format=pixels,
            src_colorspace=self.colorspace,
            dst_colorspace=self.colorspace,
            dst_color_range=ColorRange.JPEG,
            interpolation=SCALING if width_px is None else SHRINKING,
            threads=1,
        )


def decode(path: Path, *, audio_rate_hz: int | None, video: bool = True) -> Iterator[Frame | AudioChunk | Lost]:
    """All frames of a file's first video stream, and all of the selected audio.

    Frames come in display order with strictly rising times, audio in rising times; the two are interleaved as the
    file has them. A `Lost` comes before whatever its stream gives after the start of the loss; audio is silent there.

    Args:
        path: the file.
        audio_rate_hz: samples per second of the mono audio; None leaves the audio out.
        video: False leaves the frames out.

    Raises:
        MediaError: it cannot be opened, a stream asked for is missing (`no_video`, `no_audio`), or it is damaged
            (`decode_error`, naming the time).
    """
    with open_media(path) as (container, kind):
        timeline = read_timeline(container, kind)
    with open_media(path) as (container, _):  # read again from the start: not every container can seek there
        yield from decode_container(container, timeline, audio_rate_hz=audio_rate_hz, video=video)


def decode_whole(path: Path, *, audio_rate_hz: int | None) -> Iterator[Frame | AudioChunk]:
    """As `decode`, of a file that must be whole: whatever is lost of it is a MediaError too."""
    for piece in decode(path, audio_rate_hz=audio_rate_hz):
        if isinstance(piece, Lost):
            raise MediaError(piece.code, piece.reason)
        yield piece


def decode_container(
    container: InputContainer, timeline: Timeline, *, audio_rate_hz: int | None, video: bool = True
) -> Iterator[Frame | AudioChunk | Lost]:
    """As `decode`, of a container just opened whose clock is known."""
    video_stream = first_video(container) if video else None
    audio_stream = timeline.audio_stream(container) if audio_rate_hz is not None else None
    if video and (video_stream is None or timeline.video is None):
        raise MediaError("no_video", "no video stream with frames in it")
    if audio_rate_hz is not None and (audio_stream is None or timeline.audio is None):
        raise MediaError("no_audio", "no audio stream with samples in it")
    wanted = [stream for stream in (video_stream, audio_stream) if stream is not None]
    _prepare(container, wanted)
    video_decoder = (
        _VideoDecoder(timeline, timeline.video) if video_stream is not None and timeline.video is not None else None
    )
    resampler = None
    if audio_stream is not None and audio_rate_hz is not None:
        resampler = AudioResampler(timeline, audio_rate_hz, audio_stream.codec_context.name)
    for packet in _packets(container, wanted):
        if packet.stream is video_stream and video_decoder is not None:
            yield from video_decoder.decoded(packet)
        elif resampler is not None:
            yield from _audio(packet, timeline, resampler)
    if video_decoder is not None:
        yield from video_decoder.end()
    if resampler is not None:
        yield from resampler.end()


def _audio(packet: "Packet[Any]", timeline: Timeline, resampler: AudioResampler) -> Iterator[AudioChunk | Lost]:
    """What one more packet of audio gives."""
    try:
        frames = _decoded(packet, timeline)
    except MediaError as error:
        if error.code != "decode_error":
            raise
        resampler.note_damage(error.reason)
        return
    if not frames and not packet.is_discard:
        resampler.note_empty_packet()
    for frame in frames:
        yield from resampler.add(frame)


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


class _VideoDecoder:
    """Turns packets of the video stream into frames with their times, and reports those that do not appear."""

    def __init__(self, timeline: Timeline, track: Track) -> None:
        self._timeline = timeline
        self._track = track
        self._begun = False
        self._last: Frame | None = None
        self._last_is_interlaced = False
        self._deinterlacer = Deinterlacer()
        self._next = 0  # index in the track's times of the frame to come

    def end(self) -> Iterator[Frame]:
        """The last frames; a stream that lacks some of them is refused."""
        if self._last is None:
            raise MediaError("decode_error", f"damaged video: none of its {len(self._track.times_s)} frames decode")
        self._check_none_missing(len(self._track.times_s))
        yield from starmap(Frame, self._deinterlacer.end())

    def decoded(self, packet: "Packet[Any]") -> Iterator[Frame]:
        self._begun = self._begun or packet.is_keyframe
        if not self._begun:
            return  # a recording that begins between two keyframes: nothing can be shown yet
        for image in _decoded(packet, self._timeline):
            check_color(image)
            frame = Frame(self._time(image), image)
            self._check_follows(frame)
            self._last, self._last_is_interlaced = frame, image.interlaced_frame
            yield from starmap(Frame, self._deinterlacer.push(frame.time_s, image))

    def _time(self, image: av.VideoFrame) -> float:
        if self._track.rebuilt:
            times = self._track.times_s
            if self._next == len(times):
                raise MediaError("decode_error", f"it decodes to more than the {len(times)} frames it holds")
            return float(times[self._next])
        if image.pts is None:
            after = "the start" if self._last is None else f"{self._last.time_s:.3f} s"
            raise MediaError("no_clock", f"the frame after {after} has no time")
        return self._timeline.seconds(image.pts, image.time_base)

    def _check_follows(self, frame: Frame) -> None:
        place = int(np.searchsorted(self._track.times_s, frame.time_s - SAME_TIME_S))
        if self._last is not None:
            last, size = self._last, (frame.image.width, frame.image.height)
            if (last.image.width, last.image.height) != size:
                raise MediaError("size_changes", f"the frame's size changes to {size} at {frame.time_s:.3f} s")
            if frame.time_s <= last.time_s:
                raise MediaError(
                    "clock_backwards", f"frame times go from {last.time_s:.3f} s back to {frame.time_s:.3f} s"
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
            f"damaged video after {self._last.time_s:.3f} s: {place - self._next} frames do not decode",
        )


def _packets(container: InputContainer, wanted: list[VideoStream | AudioStream]) -> "Iterator[Packet[Any]]":
    """Packets of these streams, a last empty one of each to flush its decoder included."""
    packets = container.demux(wanted)
    while True:
        with read_errors("decode_error", "its packets cannot be read"):
            packet = next(packets, None)
        if packet is None:
            return
        if packet.size or packet.dts is None:  # AVI marks a frame that stays with an empty packet: nothing to decode
            yield packet


def _decoded(packet: "Packet[Any]", timeline: Timeline) -> list[Any]:
    stamp = packet.pts if packet.pts is not None else packet.dts
    where = "at the end" if stamp is None else f"at {timeline.seconds(stamp, packet.time_base):.3f} s"
    what = f"damaged {packet.stream.type} {where}"
    if packet.is_corrupt:
        raise MediaError("decode_error", f"{what}: its packet is incomplete")
    with read_errors("decode_error", what):
        frames = packet.decode()
    if any(frame.is_corrupt for frame in frames):
        raise MediaError("decode_error", f"{what}: it cannot be decoded whole")
    return frames
