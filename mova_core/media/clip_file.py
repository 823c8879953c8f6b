"""The file of a stored clip: how it is coded, written frame by frame, and read back exactly.

An mp4 with H.264 (yuv420p, BT.709, limited range), or a Matroska file with FFV1 (RGB, lossless), and FLAC audio
(16 bit, mono), with exactly a geometry's frames and samples. The same frames and audio give the same bytes:
one thread, no dates. `libx264` shows no visible loss at the default crf. `ffv1` (RFC 9043) keeps every pixel of the
scaled frames, in 5 to 20 times the space. `read_clip` reads only what `ClipWriter` writes; untrusted files go through
`mova_core.media.decode`.

H.264 takes most of what a large clip costs. Measured at 1280x720 and crf 14, on four shots of camera, face, animation
and edits: against preset veryfast, superfast with `subme=2` takes 0.67 of the CPU time for 1.03 of the bytes, and
SSIM of luma differs by 0.0001 at most (superfast as it is: 0.60, 1.30, 0.0008). Small clips cost nothing (6 ms at
48x48); they stay in veryfast, bit for bit what nano's gates were set on.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from mova_core.errors import MediaError, ShapeError
from mova_core.geometry import Canvas, ClipGeometry
from mova_core.media.encode import FULL_SCALE, to_pcm16

SAMPLES_PER_PIECE = 4096
FLAC_SAMPLES = ("s16", "s16p")  # how 16-bit FLAC decodes


@dataclass(frozen=True, slots=True)
class ClipFormat:
    """One way of storing clips.

    Args:
        suffix: of a clip's file name, without a dot.
        container: FFmpeg's name of the container.
        pixel_format: FFmpeg's name of how frames are stored.
        options: of the video encoder.
        head: first bytes of such a file, by which a reader recognises it; empty: recognised when no other is.
    """

    suffix: str
    container: str
    pixel_format: str
    options: dict[str, str] = field(default_factory=dict)
    head: bytes = b""

    @property
    def stores_rgb(self) -> bool:
        """Whether frames are stored in RGB, not in YUV (BT.709, limited range)."""
        return not self.pixel_format.startswith("yuv")


CLIP_FORMATS = {
    # No macroblock-tree: in x264 it reads memory that it has not written at many small frame sizes, so that bytes
    # would differ from run to run (the tests show it).
    "libx264": ClipFormat("mp4", "mp4", "yuv420p", {"preset": "superfast", "x264-params": "mbtree=0:subme=2"}),
    "ffv1": ClipFormat("mkv", "matroska", "bgr0", {"level": "3"}, b"\x1a\x45\xdf\xa3"),  # level 3: a CRC in each frame
}
SMALL_SIDE_PX = 128  # a canvas with a shorter side is small
SMALL_OPTIONS = {"preset": "veryfast", "x264-params": "mbtree=0"}


@dataclass(frozen=True, slots=True)
class ClipCoding:
    """How clips are stored.

    Args:
        codec: of the frame, a name of `CLIP_FORMATS`.
        crf: constant quality of libx264, lower is better; ffv1 has none.
    """

    codec: str
    crf: int

    @property
    def format(self) -> ClipFormat:
        return CLIP_FORMATS[self.codec]

    def options(self, canvas: Canvas) -> dict[str, str]:
        """Of the encoder, for frames of this size."""
        if self.codec != "libx264":
            return dict(self.format.options)
        is_small = min(canvas.height_px, canvas.width_px) < SMALL_SIDE_PX
        return {**(SMALL_OPTIONS if is_small else self.format.options), "crf": str(self.crf)}


class ClipWriter:
    """One clip on its way; keeps only compressed frames and what the encoder looks ahead.

    Args:
        geometry: how many frames and samples at which rates.
        canvas: size of every frame.
        coding: how it is stored.
    """

    def __init__(self, geometry: ClipGeometry, canvas: Canvas, coding: ClipCoding) -> None:
        self._geometry = geometry
        self._canvas = canvas
        self._format = coding.format
        self._frames = 0
        self._file = BytesIO()
        self._output = av.open(
            self._file, "w", format=self._format.container, container_options={"fflags": "+bitexact"}
        )
        self._video = cast(
            VideoStream, self._output.add_stream(coding.codec, rate=geometry.fps, options=coding.options(canvas))
        )
        self._video.width, self._video.height = canvas.width_px, canvas.height_px
        self._video.pix_fmt = self._format.pixel_format
        context = self._video.codec_context
        context.time_base = Fraction(1, geometry.fps)
        context.thread_count = 1
        context.flags |= Flags.bitexact
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        if self._format.stores_rgb:
            context.color_range = ColorRange.JPEG
        else:
            context.colorspace = Colorspace.ITU709
            context.color_range = ColorRange.MPEG
        self._audio: Any = self._output.add_stream("flac", rate=geometry.audio_rate_hz, layout="mono")
        self._audio.codec_context.thread_count = 1
        self._audio.codec_context.flags |= Flags.bitexact
        self._reformatter = VideoReformatter()

    def show(self, image: NDArray[np.uint8] | av.VideoFrame, times: int = 1) -> None:
        """Add one frame of the canvas's size for so many frames.

        Args:
            image: uint8 [H, W, 3] RGB, or a frame as it is stored (yuv420p, BT.709, limited range).
            times: how often.

        Raises:
            ShapeError: it has another size.
        """
        shape = (image.height, image.width, 3) if isinstance(image, av.VideoFrame) else image.shape
        if shape != (self._canvas.height_px, self._canvas.width_px, 3):
            raise ShapeError(
                f"frame {self._frames} has shape {shape}, the canvas is "
                f"{self._canvas.width_px}x{self._canvas.height_px}"
            )
        frame = self._as_stored(image)
        for _ in range(times):
            frame.pts = self._frames
            self._output.mux(self._video.encode(frame))
            self._frames += 1
        if self._frames == self._geometry.frames:  # what the encoder looked ahead at is let go, audio may come later
            self._output.mux(self._video.encode(None))

    def _as_stored(self, image: NDArray[np.uint8] | av.VideoFrame) -> av.VideoFrame:
        if isinstance(image, av.VideoFrame):
            image.time_base = self._video.codec_context.time_base
            return image
        return self._reformatter.reformat(
            av.VideoFrame.from_ndarray(image, format="rgb24"),
            format=self._format.pixel_format,
            dst_colorspace=None if self._format.stores_rgb else Colorspace.ITU709,
            dst_color_range=None if self._format.stores_rgb else ColorRange.MPEG,
            threads=1,  # more would be started anew for every frame
        )

    def finish(self, audio: NDArray[np.float32]) -> bytes:
        """Add the audio, float32 [S] in -1..1 (louder is clipped), and return the clip's bytes.

        Raises:
            ShapeError: the clip would not have exactly the geometry's frames and samples.
        """
        expected = (self._geometry.frames, (self._geometry.audio_samples,))
        if (self._frames, audio.shape) != expected:
            raise ShapeError(
                f"the clip has {self._frames} frames and audio of shape {audio.shape}, {self._geometry.name} has "
                f"{expected[0]} frames and audio of shape {expected[1]}"
            )
        pcm = to_pcm16(audio)
        for start in range(0, len(pcm), SAMPLES_PER_PIECE):
            piece = av.AudioFrame.from_ndarray(pcm[None, start : start + SAMPLES_PER_PIECE], "s16", "mono")
            piece.sample_rate = self._geometry.audio_rate_hz
            piece.pts = start
            self._output.mux(self._audio.encode(piece))
        self._output.mux(self._audio.encode(None))
        self._output.close()
        return self._file.getvalue()

    def drop(self) -> None:
        """Give up this clip and free its encoder."""
        self._output.close()


def read_clip(
    data: bytes | Path, wanted: Collection[int] | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Decode one clip.

    Args:
        data: the clip's bytes, or its file.
        wanted: numbers of the frames that are kept; None = all.

    Returns:
        Frames uint8 [F, H, W, 3] RGB in their order, and mono audio float32 [S] in -1..1.

    Raises:
        MediaError: not a whole clip (`damaged_clip`).
    """
    name = str(data) if isinstance(data, Path) else f"a clip of {len(data)} bytes"
    frames: list[NDArray[np.uint8]] = []
    pieces: list[NDArray[np.int16]] = []
    reformatter = VideoReformatter()
    shown = 0
    try:
        encoded = data if isinstance(data, bytes) else data.read_bytes()
        with av.open(BytesIO(encoded), "r", format=_container(encoded)) as container:
            for stream in container.streams:
                stream.codec_context.thread_count = 1
            for frame in container.decode():
                if isinstance(frame, av.VideoFrame):
                    shown += 1
                    if wanted is not None and shown - 1 not in wanted:
                        continue
                    image = reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
                    frames.append(image.astype(np.uint8, copy=False))
                elif isinstance(frame, av.AudioFrame):
                    if frame.format.name not in FLAC_SAMPLES:
                        raise MediaError(
                            "damaged_clip", f"{name} holds audio as {frame.format.name}, expected FLAC: cut it again"
                        )
                    pieces.append(frame.to_ndarray().reshape(-1).astype(np.int16, copy=False))
    except (av.FFmpegError, OSError) as error:
        raise MediaError("damaged_clip", f"{name} cannot be decoded ({error}): cut it again") from None
    if not frames or not pieces:
        raise MediaError("damaged_clip", f"{name} holds {len(frames)} frames and {len(pieces)} pieces of audio")
    return np.stack(frames), np.concatenate(pieces).astype(np.float32) / np.float32(FULL_SCALE)


def _container(encoded: bytes) -> str:
    """FFmpeg's name of the container that a clip lies in."""
    likely = [form for form in CLIP_FORMATS.values() if encoded.startswith(form.head)]
    return max(likely, key=lambda form: len(form.head)).container
