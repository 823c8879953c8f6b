"""The same crop and pad on frames as they are coded: from the decoder's YUV to the canvas's YUV, never through RGB.

A clip is stored in YUV like its source, so a way through RGB converts every frame twice: at 1280x720 that costs more
than encoding it. FFmpeg's filters crop, scale, rotate and pad the planes (bicubic), into BT.709 of limited
range; HDR and wide gamut are scaled as coded and converted on the canvas.
Small canvases keep the way through RGB (`crop_and_pad.py`), which averages over the area of every pixel.
"""

from fractions import Fraction
from typing import Any

import av
from av.filter import Graph
from av.video.frame import PictureType

from mova_core.curation.cut.crop_and_pad import CropAndPad, Image
from mova_core.errors import ShapeError
from mova_core.media.decode import RGB_12_BITS, Frame
from mova_core.media.video.filters import Filter, video_graph

SCALING = "bicubic+accurate_rnd+bitexact"
TICK = Fraction(1, 1000)  # of the filters' own clock, which nothing here goes by
HFLIP: Filter = ("hflip", None)
TURNS: dict[int, tuple[Filter, ...]] = {
    0: (),
    1: (("transpose", "cclock"),),
    2: (HFLIP, ("vflip", None)),
    3: (("transpose", "clock"),),
}  # by quarters counter-clockwise
MATRIX = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}  # ITU-T H.273


class CropAndPadYuv:
    """The way of one source's frames onto their canvas, plane by plane.

    Args:
        crop_and_pad: the same way, planned.
    """

    def __init__(self, crop_and_pad: CropAndPad) -> None:
        self._crop_and_pad = crop_and_pad
        self._graph: Graph | None = None
        self._made_for: tuple[str, int, bool] | None = None

    def apply(self, frame: Frame) -> Image | av.VideoFrame:
        """One coded frame on the canvas, yuv420p; RGB where its colours have to be converted.

        Raises:
            ShapeError: the frame has another size than planned.
        """
        crop_and_pad, image = self._crop_and_pad, frame.image
        if (image.height, image.width) != (crop_and_pad.coded_height_px, crop_and_pad.coded_width_px):
            raise ShapeError(
                f"frame is {image.width}x{image.height}, its source has "
                f"{crop_and_pad.coded_width_px}x{crop_and_pad.coded_height_px}"
            )
        made_for = (image.format.name, frame.colorspace, frame.color.is_bt709)
        if self._graph is None or self._made_for != made_for:
            self._graph = video_graph(image, TICK, self._filters(frame))
            self._made_for = made_for
        self._graph.push(image)
        fitted = self._graph.pull()
        assert isinstance(fitted, av.VideoFrame)  # a graph of frames gives nothing else
        if not frame.color.is_bt709:
            coded: Any = fitted.to_ndarray()
            return frame.color.to_bt709(coded)
        fitted.pict_type = PictureType.NONE  # what it was in its source would tell the encoder what to make of it
        return fitted

    def _filters(self, frame: Frame) -> list[Filter]:
        crop_and_pad, canvas = self._crop_and_pad, self._crop_and_pad.canvas
        (height, width), (scaled_height, scaled_width) = crop_and_pad.kept_px, crop_and_pad.scaled_px
        top, left = crop_and_pad.offset_px
        matrix = MATRIX.get(frame.colorspace, "auto")
        pixels, colors = ("yuv420p", "out_color_matrix=bt709:out_range=tv")
        if not frame.color.is_bt709:
            pixels, colors = (RGB_12_BITS, "out_range=pc")
        return [
            ("crop", f"{width}:{height}:{crop_and_pad.letterbox.left_px}:{crop_and_pad.letterbox.top_px}:exact=1"),
            (
                "scale",
                f"{scaled_width}:{scaled_height}:flags={SCALING}:in_color_matrix={matrix}:{colors}",
            ),
            ("format", pixels),
            *((HFLIP,) if crop_and_pad.orientation.hflip else ()),
            *TURNS[crop_and_pad.orientation.quarter_turns],
            ("pad", f"{canvas.width_px}:{canvas.height_px}:{left}:{top}"),
            ("sidedata", "delete"),  # a turn or captions of the source's
        ]
