"""Framed in YUV a frame lands where it lands framed in RGB, in the same colours."""

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from mova_core.curation.cut.crop_and_pad import CropAndPad, stays_yuv
from mova_core.curation.cut.crop_and_pad_yuv import CropAndPadYuv
from mova_core.curation.segment.letterbox import Letterbox
from mova_core.errors import ShapeError
from mova_core.geometry import GEOMETRIES, Canvas
from mova_core.media.decode import Frame
from mova_core.media.video.orientation import Orientation

MOVA, NANO = GEOMETRIES["mova-360p"], GEOMETRIES["nano-48"]
CLOSE = 3  # of 255: two roundings to 8 bits, and bicubic beside Lanczos on a smooth frame


def smooth(height, width):
    """Colours that change slowly, no two corners alike: chroma of half the size loses nothing of them."""
    rows, columns = np.mgrid[0:height, 0:width]
    red, green = 40 + 170 * columns / width, 40 + 170 * rows / height
    return np.stack([red, green, 200 - 0.5 * red], axis=2).astype(np.uint8)


def coded(rgb, colorspace=Colorspace.ITU709, pixels="yuv420p", dst_range=ColorRange.MPEG):
    image = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
        format=pixels, dst_colorspace=colorspace, dst_color_range=dst_range
    )
    image.pts = 0
    return Frame(0.0, image)


def shown(image):
    return image.reformat(
        format="rgb24", src_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.JPEG
    ).to_ndarray()


def plan(height, width, letterbox=Letterbox(), rotation_deg=0, hflip=False):
    aspect = width / height if rotation_deg % 180 == 0 else height / width
    return CropAndPad.plan(height, width, letterbox, Orientation(rotation_deg, hflip), aspect, MOVA)


@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("letterbox", [Letterbox(), Letterbox(4, 8, 10, 2)], ids=["whole", "cropped"])
@pytest.mark.parametrize("size", [(360, 640), (352, 640), (240, 320), (640, 360), (720, 1280)])
def test_it_lands_where_it_lands_in_rgb(size, letterbox, rotation_deg, hflip):
    crop_and_pad, frame = plan(*size, letterbox, rotation_deg, hflip), coded(smooth(*size))
    fitted = CropAndPadYuv(crop_and_pad).apply(frame)
    assert (fitted.format.name, fitted.color_range, fitted.colorspace) == (
        "yuv420p",
        ColorRange.MPEG,
        Colorspace.ITU709,
    )
    by_rgb = crop_and_pad.apply(frame.rgb()).astype(int)
    differs = np.abs(shown(fitted).astype(int) - by_rgb).max(axis=2)
    inside = by_rgb.max(axis=2) > 16
    assert np.percentile(differs[inside], 99) <= CLOSE
    assert np.percentile(differs, 99.5) <= 2 * CLOSE  # edges of the bars are blurred by chroma alone


@pytest.mark.parametrize("dst_range", [ColorRange.MPEG, ColorRange.JPEG])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p10le", "yuvj420p", "yuv444p"])
@pytest.mark.parametrize("colorspace", [Colorspace.ITU601, Colorspace.ITU709])
def test_colours_stay_whatever_the_source_stores(pixels, colorspace, dst_range):
    height = 720 if colorspace == Colorspace.ITU709 else 480  # what an untagged frame of this size is in
    rgb = smooth(height, 1280)
    dst_range = ColorRange.JPEG if pixels.startswith("yuvj") else dst_range
    frame = coded(rgb, colorspace, pixels, dst_range)
    crop_and_pad = CropAndPad.plan(height, 1280, Letterbox(), Orientation(), 1280 / 720, MOVA)
    by_rgb = crop_and_pad.apply(rgb).astype(int)
    differs = np.abs(shown(CropAndPadYuv(crop_and_pad).apply(frame)).astype(int) - by_rgb)
    assert np.percentile(differs, 99) <= 2 * CLOSE


@pytest.mark.parametrize("rotation_deg", [0, 90])
def test_wide_gamut_lands_where_it_lands_in_rgb(rotation_deg):
    crop_and_pad, frame = plan(720, 1280, Letterbox(8, 8, 0, 0), rotation_deg), coded(smooth(720, 1280))
    frame.image.color_trc, frame.image.color_primaries = ColorTrc.SMPTE2084, ColorPrimaries.BT2020
    fitted = CropAndPadYuv(crop_and_pad).apply(frame)
    by_rgb = frame.color.to_bt709(crop_and_pad.apply(frame.coded_rgb()))
    assert fitted.dtype == np.uint8 and by_rgb.std() > 20
    differs = np.abs(fitted.astype(int) - by_rgb).max(axis=2)
    assert np.percentile(differs, 98) <= 2 * CLOSE  # PQ is steeper than BT.709: the same rounding is more


def test_bars_are_whole_chroma_samples():
    for height in range(300, 400):
        crop_and_pad = plan(height, 640)
        for content, canvas in (
            (crop_and_pad.content_height_px, crop_and_pad.canvas.height_px),
            (crop_and_pad.content_width_px, crop_and_pad.canvas.width_px),
        ):
            assert (canvas - content) % 4 == 0


def test_the_format_may_change_midway():
    coding = CropAndPadYuv(plan(360, 640))
    one, other = (coding.apply(coded(smooth(360, 640), pixels=pixels)) for pixels in ("yuv420p", "yuv444p"))
    assert np.abs(shown(one).astype(int) - shown(other)).max() <= 2 * CLOSE


def test_a_frame_of_another_size_is_refused():
    with pytest.raises(ShapeError, match="frame is 320x240, its source has 640x360"):
        CropAndPadYuv(plan(360, 640)).apply(coded(smooth(240, 320)))


def test_small_canvases_keep_the_way_through_rgb():
    assert not any(map(stays_yuv, NANO.canvases))
    assert all(map(stays_yuv, (*MOVA.canvases, Canvas(128, 128))))
