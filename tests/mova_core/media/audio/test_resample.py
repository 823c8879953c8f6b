"""A tone keeps its frequency, its level and its place at another rate."""

import numpy as np
import pytest

from mova_core.media.audio.resample import resample


def tone(rate_hz, seconds=1.0, frequency_hz=440.0):
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz).astype(np.float32)


@pytest.mark.parametrize(("rate_hz", "to_hz"), [(48_000, 16_000), (16_000, 48_000), (44_100, 16_000), (8_000, 8_000)])
def test_a_tone_stays_the_same(rate_hz, to_hz):
    got = resample(tone(rate_hz), rate_hz, to_hz)
    assert got.dtype == np.float32 and len(got) == to_hz
    inner = slice(to_hz // 10, -to_hz // 10)  # the filter has silence on one side at the ends
    np.testing.assert_allclose(got[inner], tone(to_hz)[inner], atol=2e-3)


def test_nothing_stays_nothing():
    assert len(resample(np.zeros(0, np.float32), 48_000, 16_000)) == 0
