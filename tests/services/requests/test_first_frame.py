"""Images of requests: decoded in a worker under limits, and turned away by their header, before a worker is asked, or
with a sentence."""

import io
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from PIL import Image

from mova_core.geometry import GEOMETRIES
from services.jobs.submission import NewJob, submit
from services.requests import first_frame
from services.requests.errors import InvalidRequest
from services.requests.first_frame import ImageDecoder
from services.settings import ServiceSettings
from tests.services.api.test_app import QUEUED, png


@pytest.fixture(scope="module")
def decoder() -> Iterator[ImageDecoder]:
    decoder = ImageDecoder()
    yield decoder
    decoder.close()


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def bomb(side_px: int) -> bytes:
    """A PNG of a few kB whose header tells a large image."""
    header = b"".join(number.to_bytes(4, "big") for number in (side_px, side_px)) + bytes([8, 2, 0, 0, 0])
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(10**6), 9)), (b"IEND", b"")]
    parts = [
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big") for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_a_frame_is_on_the_clip_s_canvas_and_its_shape_is_that_of_the_image_as_shown(decoder: ImageDecoder) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    data = encoded(Image.new("RGB", (100, 60), (200, 30, 30)), "JPEG", exif=exif)
    assert decoder.shape(data) == (60, 100)
    frame = decoder.first_frame(data, GEOMETRIES["nano-48"])
    assert frame.shape == (48, 48, 3) and np.abs(frame.astype(int) - (200, 30, 30)).max() <= 4


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (bomb(10_000), "the image is 10000x10000"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='99' height='99'/>", "that can be read"),
        (b"", "that can be read"),
        (encoded(Image.new("RGB", (64, 64)))[:-30], "the image"),
        (encoded(Image.new("CMYK", (64, 64)), "JPEG"), "mode CMYK"),
        (encoded(Image.new("RGB", (64, 64)), "GIF"), "that can be read"),
    ],
)
def test_what_is_no_image_of_ours_is_one_sentence(decoder: ImageDecoder, data: bytes, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said) as refused:
        decoder.shape(data)
    assert "\n" not in str(refused.value)


def test_a_worker_that_an_image_kills_is_replaced(decoder: ImageDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(first_frame, "_decode", die)
        with pytest.raises(InvalidRequest, match="cannot be decoded within the limits of this service"):
            decoder.shape(b"deadly")
    assert decoder.shape(encoded(Image.new("RGB", (64, 32)))) == (64, 32)


def die(task: object) -> None:
    import os

    os._exit(9)


def test_no_image_is_looked_at_where_there_is_no_room_for_its_clip(
    client: TestClient, engine: sa.Engine, settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageDecoder, "shape", lambda *_: pytest.fail("it was decoded"))
    for _ in range(settings.params.queue):
        submit(engine, NewJob(QUEUED), limit=1000)
    assert client.post("/v1/videos", json={"prompt": "a", "input_reference": png()}).status_code == 429
