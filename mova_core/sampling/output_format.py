"""How the file of a generated clip is coded: the table behind `--codec`, and what one written file is asked for.

`h264` opens everywhere. `hevc` and `av1` need less space and more time. `lossless` is FFV1 in RGB
(RFC 9043, a checksum in every frame) with FLAC of 24 bits, in Matroska: every pixel comes back as the model made it,
and each sample within 2^-24 of full scale. H.264's own lossless mode is not offered: few players show its RGB, and its
4:2:0 has lost most of the colour before it is coded.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from mova_core.errors import UsageError
from mova_core.geometry import Canvas
from mova_core.media.encoders import SMALLEST_SIDE_PX

Codec = Literal["h264", "hevc", "av1", "lossless"]
CODECS: tuple[Codec, ...] = get_args(Codec)


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """One way of coding a clip's file.

    Args:
        suffix: of the file's name, with its dot.
        container: FFmpeg's name, like the next.
        video_codec: its encoder.
        crf: constant quality of the video, lower is better; None: the encoder knows none.
        video_options: further options of the video encoder.
        pixel_format: how frames are stored.
        audio_codec: its encoder.
        audio_options: of the audio encoder.
        audio_bits: of a sample on its way to the encoder.
    """

    suffix: str
    container: str
    video_codec: str
    crf: int | None
    audio_codec: str
    video_options: dict[str, str] = field(default_factory=dict)
    pixel_format: Literal["yuv420p", "bgr0"] = "yuv420p"
    audio_options: dict[str, str] = field(default_factory=dict)
    audio_bits: Literal[16, 24] = 16

    def check_size(self, canvas: Canvas, enlarge: int) -> None:
        """UsageError where frames of this canvas are too small for the encoder once they are enlarged."""
        smallest = SMALLEST_SIDE_PX.get(self.video_codec, 1)
        width, height = canvas.width_px * enlarge, canvas.height_px * enlarge
        if min(width, height) < smallest:
            raise UsageError(
                f"frames of {width}x{height} are too small for {self.video_codec}, which needs {smallest} pixels a "
                f"side: enlarge by {-(-smallest // min(canvas.width_px, canvas.height_px))} or take another codec"
            )


AAC: dict[str, Any] = {"audio_codec": "aac", "audio_options": {"b": "192000"}}  # bits a second

# docs/generate.md compares their sizes and errors.
OUTPUT_FORMATS: dict[Codec, OutputFormat] = {
    "h264": OutputFormat(".mp4", "mp4", "libx264", 16, **AAC),
    "hevc": OutputFormat(".mp4", "mp4", "libx265", 18, **AAC),
    "av1": OutputFormat(".mp4", "mp4", "libsvtav1", 22, video_options={"preset": "6"}, **AAC),
    "lossless": OutputFormat(
        ".mkv", "matroska", "ffv1", None, "flac", video_options={"level": "3"}, pixel_format="bgr0", audio_bits=24
    ),
}
