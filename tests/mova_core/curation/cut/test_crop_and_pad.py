"""What is inside the letterbox bars lands centred on the canvas, in its aspect, whatever its turn and pixel shape."""

import numpy as np
import pytest

from mova_core.curation.cut.crop_and_pad import CropAndPad, scaled
from mova_core.curation.segment.letterbox import Letterbox
from mova_core.errors import MediaError, ShapeError
from mova_core.geometry import GEOMETRIES, Canvas
from mova_core.media.video.orientation import Orientation

MOVA, NANO = GEOMETRIES["mova-360p"], GEOMETRIES["nano-48"]


def plan(height, width, geometry=MOVA, letterbox=Letterbox(), rotation_deg=0, display_aspect=None, hflip=False):
    orientation = Orientation(rotation_deg, hflip)
    return CropAndPad.plan(height, width, letterbox, orientation, display_aspect or width / height, geometry)


def lit(image):
    """Top, bottom, left, right of what is not black."""
    rows, columns = np.nonzero(image.max(axis=2) > 20)
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


@pytest.mark.parametrize(
    ("height", "width", "canvas", "content"),
    [
        (1080, 1920, Canvas(352, 640), (352, 624)),
        (720, 1280, Canvas(352, 640), (352, 624)),
        (1920, 1080, Canvas(640, 352), (624, 352)),
        (352, 640, Canvas(352, 640), (352, 640)),
        (90, 160, Canvas(352, 640), (352, 624)),
        (480, 640, Canvas(352, 640), (352, 468)),
        (100, 400, Canvas(352, 640), (160, 640)),
        (7, 5, Canvas(640, 352), (492, 352)),
    ],
)
def test_content_keeps_its_aspect_and_lies_in_the_middle(height, width, canvas, content):
    crop_and_pad = plan(height, width)
    assert crop_and_pad.canvas == canvas
    assert (crop_and_pad.content_height_px, crop_and_pad.content_width_px) == content
    top, bottom, left, right = lit(crop_and_pad.apply(np.full((height, width, 3), 200, np.uint8)))
    assert (bottom - top, right - left) == content
    assert top == canvas.height_px - bottom and left == canvas.width_px - right


def test_letterbox_bars_are_cut_away_before_scaling():
    image = np.zeros((360, 640, 3), np.uint8)
    image[:, 140:500] = 255
    crop_and_pad = plan(360, 640, NANO, Letterbox(left_px=140, right_px=140))
    assert (crop_and_pad.apply(image) == 255).all()


def test_a_canvas_size_frame_passes_untouched():
    image = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    np.testing.assert_array_equal(plan(48, 48, NANO).apply(image), image)


@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_turned_recording_comes_out_upright(turns, hflip):
    upright = np.zeros((640, 352, 3), np.uint8)
    upright[:320, :176] = (255, 0, 0)  # top left is red
    coded = np.rot90(upright, -turns)
    coded = np.ascontiguousarray(coded[:, ::-1] if hflip else coded)
    crop_and_pad = plan(*coded.shape[:2], rotation_deg=90 * turns, display_aspect=352 / 640, hflip=hflip)
    np.testing.assert_array_equal(crop_and_pad.apply(coded), upright)


def test_letterbox_bars_are_of_the_coded_frame_not_of_the_turned_one():
    coded = np.zeros((352, 660, 3), np.uint8)
    coded[:, 20:] = 200
    crop_and_pad = plan(352, 660, letterbox=Letterbox(left_px=20), rotation_deg=270, display_aspect=352 / 660)
    assert crop_and_pad.canvas == Canvas(640, 352)
    assert (crop_and_pad.apply(coded) == 200).all()


def test_anamorphic_pixels_are_stretched():
    crop_and_pad = plan(576, 704, display_aspect=16 / 9)  # PAL, sample aspect 16:11
    assert (crop_and_pad.content_height_px, crop_and_pad.content_width_px) == (352, 624)
    assert crop_and_pad.apply(np.full((576, 704, 3), 90, np.uint8)).shape == (352, 640, 3)


def test_shrinking_is_the_mean_over_the_area():
    stripes = np.zeros((96, 96, 3), np.uint8)
    stripes[::2] = 200
    assert (scaled(stripes, 48, 48) == 100).all()


def test_shrinking_one_side_while_the_other_grows():
    ramp = np.repeat(np.linspace(0, 240, 10).astype(np.uint8)[:, None, None], 100, 1).repeat(3, 2)
    result = scaled(ramp, 40, 20)
    assert result.shape == (40, 20, 3)
    assert (np.diff(result[4:-4, 0, 0].astype(int)) >= 0).all()
    assert (result == result[:, :1]).all()


def test_what_cannot_be_framed_says_why():
    with pytest.raises(MediaError, match="leaves nothing of 64x48") as error:
        plan(48, 64, letterbox=Letterbox(top_px=24, bottom_px=24))
    assert error.value.code == "no_content"
    with pytest.raises(ShapeError, match="its source has 64x48"):
        plan(48, 64).apply(np.zeros((48, 63, 3), np.uint8))
