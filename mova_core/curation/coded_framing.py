"""A framing applied to pictures as they are coded: from the decoder's YUV to the canvas's, never through RGB.

A clip is stored in YUV like its source, so the way through RGB converts every picture twice: at 1280x720 that costs
more than encoding it. FFmpeg's filters crop, scale, turn and pad the planes, bicubic, into BT.709 of limited range.
Small canvases keep the way through RGB (`framing.py`), which takes the mean over the area of every pixel.
"""

from fractions import Fraction

import av
from av.filter import Graph
from av.video.frame import PictureType

from mova_core.curation.framing import Framing
from mova_core.errors import ShapeError
from mova_core.media.decode import Frame

SCALING = "bicubic+accurate_rnd+bitexact"
TICK = Fraction(1, 1000)  # of the filters' own clock, which nothing here goes by
TURNS = {
    0: (),
    1: (("transpose", "cclock"),),
    2: (("hflip", None), ("vflip", None)),
    3: (("transpose", "clock"),),
}  # by quarters counter-clockwise
MATRIX = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}  # ITU-T H.273

Filters = list[tuple[str, str | None]]


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
            self._graph, self._made_for = self._built(picture, frame.colorspace), made_for
        self._graph.push(picture)
        framed = self._graph.pull()
        assert isinstance(framed, av.VideoFrame)  # a graph of pictures gives nothing else
        framed.pict_type = PictureType.NONE  # what it was in its source would tell the encoder what to make of it
        return framed

    def _built(self, picture: av.VideoFrame, colorspace: int) -> Graph:
        graph = Graph()
        graph.threads = 1
        last = graph.add_buffer(width=picture.width, height=picture.height, format=picture.format, time_base=TICK)
        for name, arguments in [*self._filters(colorspace), ("buffersink", None)]:
            following = graph.add(name, arguments)
            last.link_to(following)
            last = following
        graph.configure()
        return graph

    def _filters(self, colorspace: int) -> Filters:
        framing, borders = self._framing, self._framing.borders
        width = framing.coded_width_px - borders.left_px - borders.right_px
        height = framing.coded_height_px - borders.top_px - borders.bottom_px
        size = (framing.content_width_px, framing.content_height_px)
        scaled_width, scaled_height = size[::-1] if framing.quarter_turns % 2 else size
        canvas = framing.canvas
        left, top = (canvas.width_px - size[0]) // 2, (canvas.height_px - size[1]) // 2
        return [
            ("crop", f"{width}:{height}:{borders.left_px}:{borders.top_px}:exact=1"),
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
