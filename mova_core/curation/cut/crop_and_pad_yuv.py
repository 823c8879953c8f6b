"""A framing applied to pictures as they are coded: from the decoder's YUV to the canvas's, never through RGB.

A clip is stored in YUV like its source, so the way through RGB converts every picture twice: at 1280x720 that costs
more than encoding it. FFmpeg's filters crop, scale, turn and pad the planes, bicubic, into BT.709 of limited range.
Small canvases keep the way through RGB (`framing.py`), which takes the mean over the area of every pixel.
"""

from fractions import Fraction

import av
from av.filter import Graph
from av.video.frame import PictureType

from mova_core.curation.cut.crop_and_pad import Framing
from mova_core.errors import ShapeError
from mova_core.media.decode import Frame
from mova_core.media.filters import Filter, picture_graph

SCALING = "bicubic+accurate_rnd+bitexact"
TICK = Fraction(1, 1000)  # of the filters' own clock, which nothing here goes by
TURNS = {
    0: (),
    1: (("transpose", "cclock"),),
    2: (("hflip", None), ("vflip", None)),
    3: (("transpose", "clock"),),
}  # by quarters counter-clockwise
MATRIX = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}  # ITU-T H.273


class CodedFraming:
    """The way of one source's pictures onto their canvas, plane by plane.

    Args:
        framing: the same way, planned.
    """

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._graph: Graph | None = None
        self._made_for: tuple[str, int] | None = None

    def apply(self, frame: Frame) -> av.VideoFrame:
        """One coded picture on the canvas, yuv420p.

        Raises:
            ShapeError: the picture has another size than planned.
        """
        framing, picture = self._framing, frame.picture
        if (picture.height, picture.width) != (framing.coded_height_px, framing.coded_width_px):
            raise ShapeError(
                f"picture is {picture.width}x{picture.height}, the source was framed for "
                f"{framing.coded_width_px}x{framing.coded_height_px}"
            )
        made_for = (picture.format.name, frame.colorspace)
        if self._graph is None or self._made_for != made_for:
            self._graph = picture_graph(picture, TICK, self._filters(frame.colorspace))
            self._made_for = made_for
        self._graph.push(picture)
        framed = self._graph.pull()
        assert isinstance(framed, av.VideoFrame)  # a graph of pictures gives nothing else
        framed.pict_type = PictureType.NONE  # what it was in its source would tell the encoder what to make of it
        return framed

    def _filters(self, colorspace: int) -> list[Filter]:
        framing, canvas = self._framing, self._framing.canvas
        (height, width), (scaled_height, scaled_width) = framing.kept_px, framing.scaled_px
        top, left = framing.offset_px
        return [
            ("crop", f"{width}:{height}:{framing.borders.left_px}:{framing.borders.top_px}:exact=1"),
            (
                "scale",
                f"{scaled_width}:{scaled_height}:flags={SCALING}:in_color_matrix={MATRIX.get(colorspace, 'auto')}:"
                "out_color_matrix=bt709:out_range=tv",
            ),
            ("format", "yuv420p"),
            *TURNS[framing.quarter_turns],
            ("pad", f"{canvas.width_px}:{canvas.height_px}:{left}:{top}"),
            ("sidedata", "delete"),  # a turn or captions of the source's
        ]
