"""How a stored clip can be coded: the choices of params cut.codec.

`libx264` is small and seen by no eye at its usual crf. `ffv1` (RFC 9043) keeps every pixel of the frames as they were
scaled: they come back bit by bit, in some 5 to 20 times the space. Sound is FLAC, 16 bit, in both.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ClipFormat:
    """One way of storing clips.

    Args:
        suffix: of a clip's file name.
        container: FFmpeg's name of it.
        pixel_format: of the stored frames.
        options: of the encoder.
        head: first bytes of such a file, by which a reader knows it; empty for the one that all others are.
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
    # No macroblock-tree: in x264 it reads memory that it has not written at many small picture sizes, so that bytes
    # would differ from run to run (the tests show it).
    "libx264": ClipFormat("mp4", "mp4", "yuv420p", {"preset": "veryfast", "x264-params": "mbtree=0"}),
    "ffv1": ClipFormat("mkv", "matroska", "bgr0", {"level": "3"}, b"\x1a\x45\xdf\xa3"),  # level 3: a CRC in each frame
}
