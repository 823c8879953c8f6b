"""Decode the frames and audio of one file in one strict pass, on one timeline.

Times are seconds since the container's start (`timeline.py`). Frames are coded pixels: neither rotation nor sample
aspect is applied; frames flagged as interlaced are deinterlaced (`deinterlace.py`). Audio is the mono mix of the first
audible track (`track_selection.py`) on the clock of its stamps (`clock.py`); what is lost is silence and overlaps are
trimmed, so the samples of all `AudioChunk`s joined are one gapless signal. One thread, so the same file gives the same
bytes everywhere. Damage is never concealed: a packet that is damaged or gives nothing, and what depends on it, is told
by a `Lost`; a MediaError ends the pass where nothing of a stream can be used.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
from mova_core.media.container.demux import decode_strictly, open_media
from mova_core.media.container.packets import decoded_strictly, readable_packets
from mova_core.media.lost import Lost
from mova_core.media.timeline.timeline import Timeline, read_timeline
from mova_core.media.video.color import BT2020, Color, Pixels, color_of
from mova_core.media.video.decoder import VideoDecoder
from mova_core.media.video.deinterlace import Timed

HD_HEIGHT_PX = 720  # from here on untagged frames are meant in BT.709, below in BT.601
UNTAGGED_COLORSPACES = (2, 3)  # ITU-T H.273: unspecified, reserved
EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT
SCALING = Interpolation.BICUBIC | EXACT
SHRINKING = Interpolation.AREA | EXACT  # a quarter of the taps
RGB, RGB_12_BITS = "rgb24", "gbrp12le"
AUDIO_AT_A_TIME = 16  # packets: between frames of video each finds the processor's caches full of something else
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
    """All frames of a file's film (`timeline.py`), and all of the selected audio.

    Frames come in display order with strictly rising times, audio in rising times; the two are interleaved about as the
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


def decode_whole(path: Path, *, audio_rate_hz: int | None, video: bool = True) -> Iterator[Frame | AudioChunk]:
    """As `decode`, of a file that must be whole: whatever is lost of it is a MediaError too."""
    for piece in decode(path, audio_rate_hz=audio_rate_hz, video=video):
        if isinstance(piece, Lost):
            raise MediaError(piece.code, piece.reason)
        yield piece


def decode_container(
    container: InputContainer, timeline: Timeline, *, audio_rate_hz: int | None, video: bool = True
) -> Iterator[Frame | AudioChunk | Lost]:
    """As `decode`, of a container just opened whose clock is known."""
    video_stream = timeline.video_stream(container) if video else None
    audio_stream = timeline.audio_stream(container) if audio_rate_hz is not None else None
    if video and (video_stream is None or timeline.video is None):
        raise MediaError("no_video", "no video stream with frames in it")
    if audio_rate_hz is not None and (audio_stream is None or timeline.audio is None):
        raise MediaError("no_audio", "no audio stream with samples in it")
    wanted = [stream for stream in (video_stream, audio_stream) if stream is not None]
    _prepare(container, wanted)
    video_decoder = None
    if video_stream is not None and timeline.video is not None:
        video_decoder = VideoDecoder(timeline, timeline.video, video_stream)
    resampler = None
    if audio_stream is not None and audio_rate_hz is not None:
        resampler = AudioResampler(timeline, audio_rate_hz, audio_stream.codec_context.name)
    waiting: list[Packet[Any]] = []  # of audio
    for packet in readable_packets(container, wanted):
        if packet.stream is video_stream and video_decoder is not None:
            yield from map(_piece, video_decoder.decoded(packet))
        elif resampler is not None and (packet.size or packet.dts is None):
            waiting.append(packet)
            if len(waiting) >= AUDIO_AT_A_TIME:
                yield from _audio(waiting, timeline, resampler)
                waiting = []
    if video_decoder is not None:
        yield from map(_piece, video_decoder.end())
    if resampler is not None:
        yield from _audio(waiting, timeline, resampler)
        yield from resampler.end()


def _piece(decoded: Timed | Lost) -> Frame | Lost:
    return decoded if isinstance(decoded, Lost) else Frame(*decoded)


def _audio(
    packets: "Iterable[Packet[Any]]", timeline: Timeline, resampler: AudioResampler
) -> Iterator[AudioChunk | Lost]:
    """What more packets of audio give."""
    for packet in packets:
        try:
            frames = decoded_strictly(packet, timeline.seconds)
            if any(frame.is_corrupt for frame in frames):
                raise MediaError("decode_error", "damaged audio: a frame is not whole")
        except MediaError as error:
            if error.code != "decode_error":
                raise
            resampler.note_damage(error.reason)
            continue
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
