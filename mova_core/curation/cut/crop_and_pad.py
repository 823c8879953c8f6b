"""Crop the letterbox, flip, rotate, scale and centre a coded frame on the clip's canvas, between symmetric black bars.

The plan is made once per source, from its coded size, letterbox, orientation and sample aspect; every frame of the
source follows it, so nothing jumps inside a clip. The content keeps its aspect ratio: it fills the canvas along one
side. Along the other side its length is the nearest even number of pixels (where frames stay in YUV, the nearest that
leaves bars of even width), so that the bars are equal on both sides and chroma samples never straddle an edge. Frames
are uint8 [H, W, 3] RGB.
"""

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mova_core.curation.segment.letterbox import Letterbox
from mova_core.errors import MediaError, ShapeError
from mova_core.geometry import Canvas, ClipGeometry
from mova_core.media.video.orientation import Orientation

Image = NDArray[np.uint8]
Pixels = NDArray[np.uint8] | NDArray[np.uint16]
LEAST_CODED_SIDE_PX = 128  # of a canvas whose frames are cropped and padded in YUV


@dataclass(frozen=True, slots=True)
class CropAndPad:
    """The way of one source's frames onto their canvas.

    Args:
        coded_height_px: of the frames that come in.
        coded_width_px: likewise.
        letterbox: what is cut away first.
        orientation: what brings it upright.
        content_height_px: of the scaled content as it lies on the canvas.
        content_width_px: likewise.
        canvas: what comes out.
    """

    coded_height_px: int
    coded_width_px: int
    letterbox: Letterbox
    orientation: Orientation
    content_height_px: int
    content_width_px: int
    canvas: Canvas

    @classmethod
    def plan(
        cls,
        coded_height_px: int,
        coded_width_px: int,
        letterbox: Letterbox,
        orientation: Orientation,
        display_aspect: float,
        geometry: ClipGeometry,
    ) -> "CropAndPad":
        """Choose the canvas and the content's size on it.

        Args:
            coded_height_px: height of the decoder's frames.
            coded_width_px: width of the decoder's frames.
            letterbox: coded pixels to cut away.
            orientation: what brings a coded frame upright.
            display_aspect: width / height of the whole frame as shown, after the turn; tells the sample aspect.
            geometry: whose canvases to choose from.

        Raises:
            MediaError: `no_content`, the letterbox bars leave nothing.
        """
        height = coded_height_px - letterbox.top_px - letterbox.bottom_px
        width = coded_width_px - letterbox.left_px - letterbox.right_px
        if height < 1 or width < 1:
            raise MediaError("no_content", f"{letterbox} leaves nothing of {coded_width_px}x{coded_height_px}")
        lies_down = orientation.quarter_turns % 2
        aspect_before_turn = 1 / display_aspect if lies_down else display_aspect
        sample_aspect = aspect_before_turn * coded_height_px / coded_width_px
        shown_width, shown_height = width * sample_aspect, float(height)
        if lies_down:
            shown_width, shown_height = shown_height, shown_width
        canvas = geometry.canvas_for(shown_width, shown_height)
        scale = min(canvas.width_px / shown_width, canvas.height_px / shown_height)
        step = 4 if stays_yuv(canvas) else 2
        return cls(
            coded_height_px,
            coded_width_px,
            letterbox,
            orientation,
            _fitted(shown_height * scale, canvas.height_px, step),
            _fitted(shown_width * scale, canvas.width_px, step),
            canvas,
        )

    @property
    def kept_px(self) -> tuple[int, int]:
        """Height and width of what the letterbox bars leave of a coded frame."""
        letterbox = self.letterbox
        return (
            self.coded_height_px - letterbox.top_px - letterbox.bottom_px,
            self.coded_width_px - letterbox.left_px - letterbox.right_px,
        )

    @property
    def scaled_px(self) -> tuple[int, int]:
        """Height and width that it is scaled to, before the turn."""
        size = (self.content_height_px, self.content_width_px)
        return size[::-1] if self.orientation.quarter_turns % 2 else size

    @property
    def offset_px(self) -> tuple[int, int]:
        """Rows above and columns left of the content on the canvas."""
        canvas = self.canvas
        return (canvas.height_px - self.content_height_px) // 2, (canvas.width_px - self.content_width_px) // 2

    def apply(self, image: Pixels) -> Pixels:
        """One coded frame [coded H, coded W, 3] as [canvas H, canvas W, 3], of the same type.

        Raises:
            ShapeError: the frame has another size than planned.
        """
        if image.shape != (self.coded_height_px, self.coded_width_px, 3):
            raise ShapeError(
                f"frame has shape {image.shape}, its source has {self.coded_width_px}x{self.coded_height_px}"
            )
        (kept_height, kept_width), (top, left) = self.kept_px, (self.letterbox.top_px, self.letterbox.left_px)
        content = scaled(image[top : top + kept_height, left : left + kept_width], *self.scaled_px)
        if self.orientation.hflip:
            content = content[:, ::-1]
        content = np.rot90(content, self.orientation.quarter_turns)
        height, width = content.shape[:2]
        if (height, width) == (self.canvas.height_px, self.canvas.width_px):
            return cast(Pixels, np.ascontiguousarray(content))
        padded: Any = np.zeros((self.canvas.height_px, self.canvas.width_px, 3), content.dtype)
        top, left = self.offset_px
        padded[top : top + height, left : left + width] = content
        return padded


def scaled(image: Pixels, height_px: int, width_px: int) -> Pixels:
    """Resize each side by what suits it: the mean over the area when it shrinks, Lanczos when it grows."""
    height, width = image.shape[:2]
    shrunk = (min(height, height_px), min(width, width_px))
    if shrunk != (height, width):
        image = _resize(image, *shrunk, cv2.INTER_AREA)
    if shrunk != (height_px, width_px):
        image = _resize(image, height_px, width_px, cv2.INTER_LANCZOS4)
    return image


def _resize(image: Pixels, height_px: int, width_px: int, interpolation: int) -> Pixels:
    resized: Any = cv2.resize(image, (width_px, height_px), interpolation=interpolation)
    return cast(Pixels, resized)


def stays_yuv(canvas: Canvas) -> bool:
    """Whether frames for this canvas stay in YUV (`crop_and_pad_yuv.py`); small canvases go through RGB."""
    return min(canvas.height_px, canvas.width_px) >= LEAST_CODED_SIDE_PX


def _fitted(length_px: float, most_px: int, step_px: int) -> int:
    """The nearest length that leaves bars of whole steps: `step_px` for both together."""
    return most_px - step_px * round(min(most_px - step_px, max(0.0, most_px - length_px)) / step_px)
