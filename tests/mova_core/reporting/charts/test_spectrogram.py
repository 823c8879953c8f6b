"""The image of a tone is bright where its frequency is; what is not audible is black."""

import numpy as np
import pytest

from mova_core.reporting.charts.spectrogram import BANDS, COLUMNS, spectrogram_image

RATE_HZ = 16_000


def tone(frequency_hz: float, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.5, 30.0])
def test_higher_tones_are_higher_up_and_later_ones_further_right(seconds: float) -> None:
    image = spectrogram_image(np.concatenate([tone(300, seconds), tone(4000, seconds)]), RATE_HZ)
    assert image is not None and image.shape[0] == BANDS and COLUMNS <= image.shape[1] <= COLUMNS + 5
    light = image.sum(axis=-1).astype(int)
    low, high = (light[:, column].argmax() for column in (COLUMNS // 4, 3 * COLUMNS // 4))
    assert low > 0.8 * BANDS and 0.15 * BANDS < high < 0.4 * BANDS
    middle = light[low, : COLUMNS // 2 - 5].mean(), light[low, COLUMNS // 2 + 5 :].mean()
    assert middle[0] > 2 * middle[1]


def test_silence_is_black_and_no_samples_are_no_image() -> None:
    image = spectrogram_image(np.zeros(1000, np.float32), RATE_HZ)
    assert image is not None and image.max() < 10
    assert spectrogram_image(np.zeros(0, np.float32), RATE_HZ) is None
    assert spectrogram_image(np.full(1, np.nan, np.float32), RATE_HZ) is not None
