"""HDR and wide gamut end as the BT.709 colours that they stand for, by the formulas of the standards run backwards."""

import av
import numpy as np
import pytest

from mova_core.errors import MediaError
from mova_core.media.decode import Frame
from mova_core.media.video.color import check_color

PQ, HLG, BT709, SRGB, BT2020_10 = 16, 18, 1, 13, 14
P3, BT2020 = 12, 9
TO_PRIMARIES = {  # linear BT.709 to these (BT.2087, table 1; SMPTE EG 432-1)
    BT709: np.eye(3),
    BT2020: np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]),
    P3: np.array([[0.8225, 0.1774, 0.0], [0.0332, 0.9669, 0.0], [0.0171, 0.0724, 0.9108]]),
}
COLOURS = np.array(
    [(200, 40, 40), (40, 180, 40), (40, 40, 200), (96, 96, 96), (16, 16, 16), (150, 130, 60), (20, 90, 120), (0, 0, 0)]
)
"""8-bit BT.709, none brighter than the highlights that are compressed."""
CLOSE = 4  # of 255: 10 bits of limited range, a table, and 8 bits


def pq(light):
    """BT.2100, table 4: signal of cd/m2."""
    power = (np.maximum(light, 0) / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(light):
    """BT.2100, table 5: signal of cd/m2 on a display of 1000."""
    luminance = (light @ (0.2627, 0.6780, 0.0593))[..., None] / 1000
    scene = np.where(luminance > 0, np.maximum(luminance, 1e-9) ** (-0.2 / 1.2) * np.maximum(light, 0) / 1000, 0)
    log = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), log)


def sdr(light):
    return np.clip(light / 203, 0, 1) ** (1 / 2.4)


SIGNALS = {PQ: pq, HLG: hlg, BT709: sdr, SRGB: sdr, BT2020_10: sdr}


def coded(colours, transfer, primaries, pixels="yuv420p10le", matrix=None, color_range=1):
    """A frame of blocks with these 8-bit BT.709 colours, white at 203 cd/m2, coded in other colours."""
    light = 203 * (np.asarray(colours) / 255) ** 2.4 @ TO_PRIMARIES[primaries].T
    return frame_of(SIGNALS[transfer](light), transfer, primaries, pixels, matrix, color_range)


def frame_of(signal, transfer, primaries, pixels="yuv420p10le", matrix=None, color_range=1):
    matrix = matrix or (9 if primaries == BT2020 else 1)
    blocks = np.rint(np.clip(signal, 0, 1) * 65_535).astype(np.uint16)[None].repeat(16, 0).repeat(16, 1)
    image = av.VideoFrame.from_ndarray(np.ascontiguousarray(blocks), format="rgb48le")
    image = image.reformat(format=pixels, dst_colorspace=matrix, dst_color_range=color_range)
    image.color_trc, image.color_primaries, image.colorspace = transfer, primaries, matrix
    return Frame(0.0, image)


def blocks_of(rgb):
    """The middle of each block, [N, 3]."""
    return rgb[8, 8::16].astype(int)


@pytest.mark.parametrize(
    ("transfer", "primaries"),
    [(PQ, BT2020), (HLG, BT2020), (PQ, P3), (PQ, BT709), (BT2020_10, BT2020), (BT709, BT2020), (SRGB, P3), (BT709, P3)],
)
def test_a_colour_of_bt709_is_itself_again(transfer, primaries):
    frame = coded(COLOURS, transfer, primaries)
    np.testing.assert_allclose(blocks_of(frame.rgb()), COLOURS, atol=CLOSE)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p12le", "gbrp10le", "p010le"])
def test_however_it_is_stored(pixels):
    frame = coded(COLOURS, PQ, BT2020, pixels, color_range=2 if pixels.startswith("gbr") else 1)
    # 8 bits of PQ are coarse: a step is up to 4 % of light.
    np.testing.assert_allclose(blocks_of(frame.rgb()), COLOURS, atol=16 if pixels == "yuv420p" else CLOSE)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_tags_that_are_missing_follow_from_the_others(transfer):
    frame = coded(COLOURS, transfer, BT2020)
    frame.image.color_primaries = 2
    np.testing.assert_allclose(blocks_of(frame.rgb()), COLOURS, atol=CLOSE)
    frame.image.colorspace = 2
    np.testing.assert_allclose(blocks_of(frame.rgb()), COLOURS, atol=CLOSE)


def test_full_range_is_not_limited_range():
    for color_range in (1, 2):
        frame = coded(COLOURS, PQ, BT2020, color_range=color_range)
        np.testing.assert_allclose(blocks_of(frame.rgb()), COLOURS, atol=CLOSE)


@pytest.mark.parametrize("signal", [pq, hlg])
def test_highlights_keep_their_order_and_white_stays_near_white(signal):
    light = np.array([50, 80, 203, 300, 500, 1000.0])
    transfer = PQ if signal is pq else HLG
    levels = blocks_of(frame_of(signal(np.repeat(light[:, None], 3, 1)), transfer, BT2020).rgb())[:, 0]
    np.testing.assert_allclose(levels[:2], 255 * (light[:2] / 203) ** (1 / 2.4), atol=2)
    assert 225 <= levels[2] <= 235, "the EETF of BT.2390 leaves room for highlights above white"
    assert (np.diff(levels) > 0).all() and levels[-1] == 255


def test_a_bright_colour_keeps_its_hue():
    orange = np.array([(900.0, 450.0, 90.0)]) @ TO_PRIMARIES[BT2020].T
    red, green, blue = blocks_of(frame_of(pq(orange), PQ, BT2020).rgb())[0] ** 2.4
    assert red / green == pytest.approx(2, rel=0.1) and red / blue == pytest.approx(10, rel=0.15)


def test_a_colour_outside_bt709_is_the_nearest_inside():
    green = blocks_of(frame_of(np.array([(0.0, 1.0, 0.0)]), BT2020_10, BT2020).rgb())[0]
    np.testing.assert_allclose(green, (0, 255, 0), atol=16)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_luma_is_that_of_the_grey_in_bt709(transfer):
    greys = np.arange(0, 200, 20)[:, None].repeat(3, 1)
    luma = coded(greys, transfer, BT2020).luma()[8, 8::16].astype(int)
    np.testing.assert_allclose(luma, greys[:, 0], atol=3)


def test_standard_dynamic_range_passes_as_it_is_coded():
    for transfer in (BT709, 2, 6, SRGB):
        frame = coded(COLOURS, BT709, BT709, "yuv420p10le")
        frame.image.color_trc = transfer
        assert frame.color.is_bt709 and frame.coded_rgb().dtype == np.uint8
        np.testing.assert_allclose(blocks_of(frame.rgb()), COLOURS, atol=2)


@pytest.mark.parametrize(("matrix", "transfer", "code"), [(14, PQ, "hdr_unsupported"), (8, 1, "color_unsupported")])
def test_what_cannot_be_converted_is_refused(matrix, transfer, code):
    image = av.VideoFrame(16, 16, "yuv444p10le")
    image.colorspace, image.color_trc = matrix, transfer
    with pytest.raises(MediaError, match="matrix") as error:
        check_color(image)
    assert error.value.code == code
