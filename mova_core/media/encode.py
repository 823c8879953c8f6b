"""Write frames and audio as one media file; the same input gives the same bytes.

Frames are RGB uint8 [H, W, 3], audio is float32 in -1..1 (louder is clipped, never wrapped). Video is stored as BT.709
in limited range and tagged so, or as the RGB that it is; audio of n bits is `round(2^(n-1) * x)`.
One thread, bitexact flags and no dates, so that bytes depend on nothing but the arguments.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from mova_core.errors import ShapeError
from mova_core.media.encoders import REPEATABLE, SMALLEST_SIDE_PX

FULL_SCALE = 32768  # of 16-bit audio
LAYOUTS = {1: "mono", 2: "stereo"}
TAGS = {("mp4", "libx265"): "hvc1"}  # by which every player knows HEVC; FFmpeg's own choice is unknown to Apple's

PixelFormat = Literal["yuv420p", "bgr0"]  # FFmpeg's names; bgr0 is RGB, kept as it is by a lossless encoder
SampleBits = Literal[16, 24]  # of an audio sample
SAMPLE_FORMATS = {16: "s16", 24: "s32"}  # FFmpeg holds 24 bits as the upper ones of 32


def write_media(
    path: Path,
    frames: Iterable[NDArray[np.uint8]] | None,
    fps: Fraction | int,
    audio: NDArray[np.float32] | None,
    audio_rate_hz: int,
    *,
    container: str = "mp4",
    video_codec: str = "libx264",
    pixel_format: PixelFormat = "yuv420p",
    audio_codec: str = "flac",
    audio_bits: SampleBits = 16,
    crf: int | None = 14,
    video_options: Mapping[str, str] | None = None,
    audio_options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
) -> None:
    """Encode to `path` (overwritten; the caller renames it into place).

    Args:
        path: where to; its suffix plays no part.
        frames: frames uint8 [H, W, 3] RGB of one size, both sides even; at least one. None for audio alone.
        fps: constant frame rate, exact.
        audio: float32 [S] mono or [2, S] stereo, or None for a file without audio.
        audio_rate_hz: samples per second of `audio` and of the file.
        container: FFmpeg's name of the format, such as mp4, webm, avi, matroska.
        video_codec: FFmpeg's encoder.
        pixel_format: how frames are stored.
        audio_codec: FFmpeg's encoder.
        audio_bits: of a sample on its way to the encoder.
        crf: constant quality, lower is better; None for an encoder that knows no crf.
        video_options: further options of the video encoder.
        audio_options: options of the audio encoder.
        container_options: options of the container's writer.

    Raises:
        ShapeError: no frame, frames of different or odd size or too small for the encoder, or audio that is neither
            [S] nor [2, S].
    """
    images = iter(() if frames is None else frames)
    first = next(images, None)
    if first is None and (frames is not None or audio is None):
        raise ShapeError(f"{path.name}: no frame was given, a media file needs at least one")
    options = REPEATABLE.get(video_codec, {}) | dict(video_options or {}) | ({} if crf is None else {"crf": str(crf)})
    with av.open(
        str(path), "w", format=container, container_options={"fflags": "+bitexact", **(container_options or {})}
    ) as output:
        video = (
            None
            if first is None
            else _add_video(output, video_codec, first.shape, Fraction(fps), pixel_format, options)
        )
        if video is not None and (tag := TAGS.get((container, video_codec))) is not None:
            video.codec_context.codec_tag = tag
        audio_stream = (
            None
            if audio is None
            else _add_audio(output, audio_codec, audio, audio_rate_hz, audio_bits, dict(audio_options or {}))
        )
        pieces = _audio_pieces(audio, audio_rate_hz, Fraction(fps), audio_bits)
        reformatter = VideoReformatter()  # one for the whole file: setting one up costs more than using it
        for index, image in enumerate(chain([] if first is None else [first], images)):
            assert video is not None and first is not None
            output.mux(video.encode(_video_frame(image, first.shape, index, pixel_format, reformatter)))
            if audio_stream is not None and (piece := next(pieces, None)) is not None:
                output.mux(audio_stream.encode(piece))
        for piece in pieces:  # audio that lasts longer than the video, or is alone
            assert audio_stream is not None
            output.mux(audio_stream.encode(piece))
        if video is not None:
            output.mux(video.encode(None))
        if audio_stream is not None:
            output.mux(audio_stream.encode(None))


def through_codec(
    audio: NDArray[np.float32], rate_hz: int, codec: str, options: Mapping[str, str], bits: SampleBits
) -> NDArray[np.float32]:
    """Mono audio as it comes back from an encoder and its decoder, with what they add before and after it.

    Args:
        audio: float32 [S] in -1..1.
        rate_hz: samples per second.
        codec: FFmpeg's encoder.
        options: of the encoder.
        bits: of a sample on its way to the encoder.

    Returns:
        float32 [S or more].
    """
    file = BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream = _add_audio(output, codec, audio, rate_hz, bits, dict(options))
        for piece in _audio_pieces(audio, rate_hz, Fraction(1), bits):
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    to_float = av.AudioResampler("fltp", "mono", rate_hz)
    with av.open(BytesIO(file.getvalue()), "r", format="matroska") as coded:
        pieces = [piece.to_ndarray()[0] for frame in coded.decode(audio=0) for piece in to_float.resample(frame)]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def to_pcm16(audio: NDArray[np.float32]) -> NDArray[np.int16]:
    """Float audio as 16-bit integers, clipped at full scale."""
    return np.clip(np.rint(audio * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def to_pcm24(audio: NDArray[np.float32]) -> NDArray[np.int32]:
    """Float audio as 24-bit integers, clipped at full scale."""
    full_scale = 1 << 23
    return np.clip(np.rint(audio.astype(np.float64) * full_scale), -full_scale, full_scale - 1).astype(np.int32)


def _add_video(
    output: OutputContainer,
    codec: str,
    shape: tuple[int, ...],
    fps: Fraction,
    pixel_format: PixelFormat,
    options: dict[str, str],
) -> VideoStream:
    if len(shape) != 3 or shape[2] != 3 or shape[0] % 2 or shape[1] % 2:
        raise ShapeError(f"a frame has shape {shape}, expected [H, W, 3] with H and W even")
    if min(shape[:2]) < (smallest := SMALLEST_SIDE_PX.get(codec, 1)):
        raise ShapeError(f"a frame is {shape[1]}x{shape[0]}, {codec} needs at least {smallest} pixels a side")
    if codec == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # errors alone; by itself it writes its settings to stderr
    stream: Any = output.add_stream(codec, rate=fps, options=options)
    stream.height, stream.width = shape[:2]
    stream.pix_fmt = pixel_format
    context = stream.codec_context
    context.time_base = 1 / fps
    context.thread_count = 1
    context.flags |= Flags.bitexact
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    if pixel_format == "yuv420p":
        context.colorspace = Colorspace.ITU709
        context.color_range = ColorRange.MPEG
    else:
        context.color_range = ColorRange.JPEG
    return stream


def _add_audio(
    output: OutputContainer,
    codec: str,
    audio: NDArray[np.float32],
    rate_hz: int,
    bits: SampleBits,
    options: dict[str, str],
) -> AudioStream:
    channels = 1 if audio.ndim == 1 else audio.shape[0]
    if audio.ndim > 2 or channels not in LAYOUTS:
        raise ShapeError(f"audio has shape {audio.shape}, expected [S] (mono) or [2, S] (stereo)")
    stream: Any = output.add_stream(codec, rate=rate_hz, layout=LAYOUTS[channels], options=options)
    if bits == 24:  # by itself an encoder takes the first format that it knows, of 16 bits
        stream.codec_context.format = SAMPLE_FORMATS[bits]
    stream.codec_context.thread_count = 1
    stream.codec_context.flags |= Flags.bitexact
    return stream


def _video_frame(
    image: NDArray[np.uint8],
    shape: tuple[int, ...],
    index: int,
    pixel_format: PixelFormat,
    reformatter: VideoReformatter,
) -> av.VideoFrame:
    if image.shape != shape:
        raise ShapeError(f"frame {index} has shape {image.shape}, the frames before it have {shape}")
    yuv = pixel_format == "yuv420p"
    frame = reformatter.reformat(
        av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24"),
        format=pixel_format,
        dst_colorspace=Colorspace.ITU709 if yuv else None,
        dst_color_range=ColorRange.MPEG if yuv else None,
        threads=1,
    )
    frame.pts = index  # in units of the stream's time base, 1 / fps
    return frame


def _audio_pieces(
    audio: NDArray[np.float32] | None, rate_hz: int, fps: Fraction, bits: SampleBits
) -> Iterator[av.AudioFrame]:
    """One piece per frame, so that the file is well interleaved; the last pieces may outlast the video."""
    if audio is None:
        return
    pcm = to_pcm16(np.atleast_2d(audio)) if bits == 16 else to_pcm24(np.atleast_2d(audio)) << 8
    length, index, start = pcm.shape[1], 0, 0
    while start < length:
        end = min(length, int((index + 1) * rate_hz / fps))
        interleaved = pcm[:, start:end].T.reshape(1, -1)
        piece = av.AudioFrame.from_ndarray(interleaved, format=SAMPLE_FORMATS[bits], layout=LAYOUTS[pcm.shape[0]])
        piece.sample_rate = rate_hz
        piece.pts, piece.time_base = start, Fraction(1, rate_hz)
        yield piece
        index, start = index + 1, end
