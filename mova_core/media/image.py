"""Read a still image from outside, a clip's first frame, as one RGB array, or raise one sentence why not."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from mova_core.errors import UsageError

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 36_000_000  # as for footage: more is refused before it is decoded
MIN_SIDE_PX = 16


def read_image(source: Path | bytes) -> NDArray[np.uint8]:
    """Decode an image: uint8 [H, W, 3] RGB, turned upright as its EXIF says.

    Raises:
        UsageError: not readable, not RGB, or of an impossible size.
    """
    name = "the image" if isinstance(source, bytes) else str(source)
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as image:
            width, height = image.size
            if min(width, height) < MIN_SIDE_PX or width * height > MAX_PIXELS:
                raise UsageError(
                    f"{name} is {width}x{height}, expected at least {MIN_SIDE_PX} pixels a side and at most "
                    f"{MAX_PIXELS // 1_000_000} million in all"
                )
            if image.mode != "RGB":
                raise UsageError(f"{name} has mode {image.mode}, expected RGB: save it without transparency or palette")
            return np.asarray(ImageOps.exif_transpose(image)).copy()
    except FileNotFoundError:
        raise UsageError(f"{name} is missing: expected an image file") from None
    except UnidentifiedImageError:
        raise UsageError(f"{name} is not an image that can be read, expected {', '.join(FORMATS)}") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UsageError(f"{name} cannot be read ({error}): expected a whole {', '.join(FORMATS)} file") from None
