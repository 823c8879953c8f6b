"""Read a still image from outside as one RGB array, or raise one sentence why not; fit a frame to another size."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from mova_core.errors import UsageError

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 36_000_000  # as for footage: more is refused before it is decoded
MIN_SIDE_PX = 16


def read_image(source: Path | bytes, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode an image: uint8 [H, W, 3] RGB, turned upright as its EXIF says.

    Args:
        source: a file, or its bytes.
        max_pixels: more are refused by what the header says, before they are decoded.

    Raises:
        UsageError: not readable, of colours that `to_rgb` refuses, or of an impossible size.
    """
    name = "the image" if isinstance(source, bytes) else str(source)
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as image:
            width, height = image.size
            if min(width, height) < MIN_SIDE_PX or width * height > max_pixels:
                raise UsageError(
                    f"{name} is {width}x{height}, expected at least {MIN_SIDE_PX} pixels a side and at most "
                    f"{max_pixels // 1_000_000} million in all"
                )
            return to_rgb(ImageOps.exif_transpose(image), name)
    except FileNotFoundError:
        raise UsageError(f"{name} is missing: expected an image file") from None
    except UnidentifiedImageError:
        raise UsageError(f"{name} is not an image that can be read, expected {', '.join(FORMATS)}") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UsageError(f"{name} cannot be read ({error}): expected a whole {', '.join(FORMATS)} file") from None


def to_rgb(image: Image.Image, name: str = "the image") -> NDArray[np.uint8]:
    """The pixels of a Pillow image of 8 bits a channel: uint8 [H, W, 3] RGB. Grey becomes three equal channels.

    Args:
        image: black and white, grey, RGB or palette; with an alpha channel if it is opaque everywhere.
        name: what the image is called in an error.

    Raises:
        UsageError: it has transparent pixels, or colours that have no single RGB value (CMYK, 16 bits, …).
    """
    if image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
        raise UsageError(f"{name} has mode {image.mode}, expected 8-bit RGB, grey or palette: save it as an RGB PNG")
    if image.has_transparency_data:
        lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
        if lowest != 255:
            raise UsageError(f"{name} has transparent pixels, expected an opaque image: put it on a background first")
        image = image.convert("RGBA")
    return np.array(image.convert("RGB"))


def fit_image(image: NDArray[np.uint8], height_px: int, width_px: int) -> NDArray[np.uint8]:
    """Centre crop to the target's shape, then resize (bicubic): uint8 [H, W, 3].

    Raises:
        UsageError: not an RGB image.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise UsageError(f"image has shape {image.shape} and type {image.dtype}, expected uint8 [H, W, 3] RGB")
    height, width = image.shape[:2]
    aspect = width_px / height_px
    if width / height > aspect:
        crop_height, crop_width = height, int(height * aspect)
    else:
        crop_height, crop_width = int(width / aspect), width
    top, left = (height - crop_height) // 2, (width - crop_width) // 2
    cropped = Image.fromarray(image[top : top + crop_height, left : left + crop_width])
    return np.asarray(cropped.resize((width_px, height_px)))
