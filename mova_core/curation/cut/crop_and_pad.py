"""From a coded picture to the clip's canvas: crop the borders, turn, scale, centre between symmetric black bars.

A source is framed once, by its coded size, its borders, its turn and its sample aspect; every picture of it then takes
the same way, so nothing jumps inside a clip. The content keeps its aspect: it fills the canvas along one side, to the
nearest even pixel along the other (where pictures stay in YUV, to the nearest that leaves bars of even width), so that
bars are equal on both sides and chroma samples never straddle an edge.
Pictures are uint8 [H, W, 3] RGB. "Turn" is counter-clockwise in quarters, as in table `sources`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mova_core.curation.segment.letterbox import Borders
from mova_core.errors import MediaError, ShapeError
from mova_core.geometry import Canvas, ClipGeometry

Picture = NDArray[np.uint8]
LEAST_CODED_SIDE_PX = 128  # of a canvas whose pictures are framed in YUV


@dataclass(frozen=True, slots=True)
class Framing:
    """The way of one source's pictures onto their canvas.

    Args:
        coded_height_px: of the pictures that come in.
        coded_width_px: likewise.
        borders: what is cut away first.
        quarter_turns: counter-clockwise, 0 to 3.
        content_height_px: of the scaled content as it lies on the canvas.
        content_width_px: likewise.
        canvas: what comes out.
    """

    coded_height_px: int
    coded_width_px: int
    borders: Borders
    quarter_turns: int
    content_height_px: int
    content_width_px: int
    canvas: Canvas

    @classmethod
    def plan(
        cls,
        coded_height_px: int,
        coded_width_px: int,
        borders: Borders,
        rotation_deg: int,
        display_aspect: float,
        geometry: ClipGeometry,
    ) -> "Framing":
        """Choose the canvas and the content's size on it.

        Args:
            coded_height_px: height of the decoder's pictures.
            coded_width_px: width of the decoder's pictures.
            borders: coded pixels to cut away.
            rotation_deg: multiple of 90, counter-clockwise.
            display_aspect: width / height of the whole picture as shown, after the turn; tells the sample aspect.
            geometry: whose canvases to choose from.

        Raises:
            MediaError: `no_content`, the borders leave nothing.
        """
        height = coded_height_px - borders.top_px - borders.bottom_px
        width = coded_width_px - borders.left_px - borders.right_px
        if height < 1 or width < 1:
            raise MediaError("no_content", f"borders {borders} leave nothing of {coded_width_px}x{coded_height_px}")
        turns = rotation_deg // 90 % 4
        aspect_before_turn = 1 / display_aspect if turns % 2 else display_aspect
        sample_aspect = aspect_before_turn * coded_height_px / coded_width_px
        shown_width, shown_height = width * sample_aspect, float(height)
        if turns % 2:
            shown_width, shown_height = shown_height, shown_width
        canvas = geometry.canvas_for(shown_width, shown_height)
        scale = min(canvas.width_px / shown_width, canvas.height_px / shown_height)
        step = 4 if stays_coded(canvas) else 2
        return cls(
            coded_height_px,
            coded_width_px,
            borders,
            turns,
            _fitted(shown_height * scale, canvas.height_px, step),
            _fitted(shown_width * scale, canvas.width_px, step),
            canvas,
        )

    @property
    def kept_px(self) -> tuple[int, int]:
        """Height and width of what the borders leave of a coded picture."""
        borders = self.borders
        return (
            self.coded_height_px - borders.top_px - borders.bottom_px,
            self.coded_width_px - borders.left_px - borders.right_px,
        )

    @property
    def scaled_px(self) -> tuple[int, int]:
        """Height and width that it is scaled to, before the turn."""
        size = (self.content_height_px, self.content_width_px)
        return size[::-1] if self.quarter_turns % 2 else size

    @property
    def offset_px(self) -> tuple[int, int]:
        """Rows above and columns left of the content on the canvas."""
        canvas = self.canvas
        return (canvas.height_px - self.content_height_px) // 2, (canvas.width_px - self.content_width_px) // 2

    def apply(self, picture: Picture) -> Picture:
        """One coded picture [coded H, coded W, 3] as [canvas H, canvas W, 3].

        Raises:
            ShapeError: the picture has another size than planned.
        """
        if picture.shape != (self.coded_height_px, self.coded_width_px, 3):
            raise ShapeError(
                f"picture has shape {picture.shape}, the source was framed for {self.coded_width_px}x"
                f"{self.coded_height_px}"
            )
        (kept_height, kept_width), (top, left) = self.kept_px, (self.borders.top_px, self.borders.left_px)
        content = scaled(picture[top : top + kept_height, left : left + kept_width], *self.scaled_px)
        if self.quarter_turns:
            content = np.rot90(content, self.quarter_turns)
        height, width = content.shape[:2]
        if (height, width) == (self.canvas.height_px, self.canvas.width_px):
            return np.ascontiguousarray(content)
        padded = np.zeros((self.canvas.height_px, self.canvas.width_px, 3), np.uint8)
        top, left = self.offset_px
        padded[top : top + height, left : left + width] = content
        return padded


def scaled(picture: Picture, height_px: int, width_px: int) -> Picture:
    """Resize each side by what suits it: the mean over the area when it shrinks, Lanczos when it grows."""
    height, width = picture.shape[:2]
    shrunk = (min(height, height_px), min(width, width_px))
    if shrunk != (height, width):
        picture = _resize(picture, *shrunk, cv2.INTER_AREA)
    if shrunk != (height_px, width_px):
        picture = _resize(picture, height_px, width_px, cv2.INTER_LANCZOS4)
    return picture


def _resize(picture: Picture, height_px: int, width_px: int, interpolation: int) -> Picture:
    return cv2.resize(picture, (width_px, height_px), interpolation=interpolation).astype(np.uint8, copy=False)


def stays_coded(canvas: Canvas) -> bool:
    """Whether pictures for this canvas are framed in YUV (`coded_framing.py`): not where pixels are few."""
    return min(canvas.height_px, canvas.width_px) >= LEAST_CODED_SIDE_PX


def _fitted(length_px: float, most_px: int, step_px: int) -> int:
    """The nearest length that leaves bars of whole steps: `step_px` for both together."""
    return most_px - step_px * round(min(most_px - step_px, max(0.0, most_px - length_px)) / step_px)
