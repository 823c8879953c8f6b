"""First frames from outside."""

import io

import numpy as np
import pytest
from PIL import Image

from mova_core.errors import UsageError
from mova_core.media.image import read_image

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def test_a_frame_from_file_or_bytes(tmp_path):
    data = encoded(Image.fromarray(PIXELS))
    (tmp_path / "p.png").write_bytes(data)
    assert np.array_equal(read_image(data), PIXELS)
    assert np.array_equal(read_image(tmp_path / "p.png"), PIXELS)


def test_a_turned_photo_is_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it
    data = encoded(Image.fromarray(PIXELS), "PNG", exif=exif)
    assert np.array_equal(read_image(data), np.rot90(PIXELS, -1))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_opaque_images_of_other_modes_become_rgb(mode):
    """A grey image has three equal channels; an alpha channel that is opaque everywhere changes nothing."""
    image = Image.fromarray(PIXELS).convert(mode)
    found = read_image(encoded(image))
    assert np.array_equal(found, np.asarray(image.convert("RGB")))
    assert found.shape == PIXELS.shape
    assert mode not in ("1", "L", "LA") or (found == found[..., :1]).all()


def test_transparent_pixels_are_refused():
    image = Image.fromarray(PIXELS).convert("RGBA")
    image.putpixel((3, 4), (0, 0, 0, 254))
    with pytest.raises(UsageError, match="has transparent pixels, expected an opaque image"):
        read_image(encoded(image))


@pytest.mark.parametrize(("mode", "kind"), [("CMYK", "JPEG"), ("I;16", "PNG")])
def test_colours_without_one_rgb_value_are_refused(mode, kind):
    image = Image.new(mode, (32, 32))
    with pytest.raises(UsageError, match=f"mode {mode}, expected 8-bit RGB, grey or palette"):
        read_image(encoded(image, kind))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not an image"),
        (b"hello", "not an image"),
        (encoded(Image.fromarray(PIXELS))[:100], "cannot be read"),
        (encoded(Image.fromarray(PIXELS[:4])), "30x4, expected at least 16"),
        (encoded(Image.fromarray(PIXELS), "GIF"), "not an image"),
    ],
)
def test_what_is_no_usable_frame_is_one_sentence(data, sentence):
    with pytest.raises(UsageError, match=sentence):
        read_image(data)


def test_a_bomb_is_refused_by_its_header():
    with pytest.raises(UsageError, match="million in all"):
        read_image(encoded(Image.new("RGB", (8000, 8000))))


def test_a_missing_file(tmp_path):
    with pytest.raises(UsageError, match="is missing"):
        read_image(tmp_path / "none.png")
