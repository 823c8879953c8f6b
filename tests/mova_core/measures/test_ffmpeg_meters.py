"""FFmpeg's meters on signals with known answers."""

import cv2
import numpy as np
import pytest

from mova_core.measures.clip import Unavailable
from mova_core.measures.ffmpeg_meters import blur_and_blocking, loudness_range_lu


def tone(levels_dbfs: list[float], rate_hz: int, each_s: float = 10) -> np.ndarray:
    """A 1 kHz sine that changes its level."""
    times = np.arange(round(each_s * rate_hz)) / rate_hz
    sine = np.sin(2 * np.pi * 1000 * times)
    return np.concatenate([sine * 10 ** (level / 20) for level in levels_dbfs]).astype(np.float32)


def textured(height: int = 360, width: int = 640) -> np.ndarray:
    """Smooth random shapes, uint8 [H, W]."""
    noise = np.random.default_rng(0).normal(0, 1, (height, width))
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    return np.clip(128 + 60 * smooth / smooth.std(), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
@pytest.mark.parametrize(("levels", "range_lu"), [([-20, -30], 10), ([-20, -15], 5), ([-40, -20], 20), ([-23], 0)])
def test_loudness_range_is_that_of_the_signals_of_ebu_tech_3342(levels, range_lu, rate_hz):
    assert loudness_range_lu(tone(levels, rate_hz), rate_hz) == pytest.approx(range_lu, abs=1)  # their tolerance


def test_a_clip_of_the_standard_length_has_a_loudness_range():
    audio = np.concatenate([tone([-20], 48_000, 4), tone([-30], 48_000, 4.0417)])
    assert 5 < loudness_range_lu(audio, 48_000) <= 10.1


@pytest.mark.parametrize(("audio", "why"), [(tone([-20], 16_000, 2), "shorter than"), (np.zeros(99_999), "silent")])
def test_what_has_no_loudness_range_says_why(audio, why):
    missing = loudness_range_lu(audio.astype(np.float32), 16_000)
    assert isinstance(missing, Unavailable) and why in missing.reason


def test_blur_rises_with_the_width_of_edges():
    squares = np.kron(np.indices((6, 10)).sum(axis=0) % 2, np.ones((60, 64))).astype(np.uint8) * 200
    blurred = [squares, *(cv2.GaussianBlur(squares, (0, 0), sd) for sd in (2, 4, 8))]
    widths = [blur_and_blocking(np.stack([image] * 2))["blur_px"] for image in blurred]
    assert widths == sorted(widths) and widths[-1] > 2 * widths[0]


def test_blocking_rises_as_jpeg_gets_coarser_and_an_uncoded_image_has_none():
    image = textured()
    coded = [cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, q])[1], 0) for q in (95, 50, 20)]
    none, *some = (blur_and_blocking(each[None])["blocking"] for each in (image, *coded))
    assert none == pytest.approx(1, abs=0.2)
    assert some == sorted(some) and some[-1] > 2


def test_a_flat_image_has_neither_and_says_why():
    measures = blur_and_blocking(np.full((3, 48, 48), 90, np.uint8))
    assert all(isinstance(value, Unavailable) and value.reason for value in measures.values())
