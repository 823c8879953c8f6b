"""BS.1770 has known answers; what cannot be measured is None and left alone."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mova_core.media.audio.loudness import integrated_lufs, normalise_loudness, turned_down


def sine(level_db: float, rate_hz: int, seconds: float = 3.0, hertz: float = 997.0) -> NDArray[np.float32]:
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    return (10 ** (level_db / 20) * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


@pytest.mark.parametrize(("level_db", "expected"), [(0.0, -3.01), (-20.0, -23.01), (-30.0, -33.01)])
def test_a_sine_of_997_hz_in_one_channel(level_db: float, expected: float) -> None:
    """ITU-R BS.1770: 0 dBFS at 997 Hz in one front channel reads -3.01 LUFS."""
    assert integrated_lufs(sine(level_db, 48_000), 48_000) == pytest.approx(expected, abs=0.1)


def test_silence_between_notes_is_gated_away() -> None:
    loud = sine(-20, 48_000, seconds=4)
    padded = np.concatenate([loud, np.zeros(8 * 48_000, np.float32)])
    assert integrated_lufs(padded, 48_000) == pytest.approx(-23.0, abs=0.4)


@pytest.mark.parametrize(
    "samples", [np.zeros(33_000, np.float32), sine(-20, 16_000, seconds=0.3), np.zeros(0, np.float32)]
)
def test_what_has_no_loudness_is_none_and_stays_as_it_is(samples: NDArray[np.float32]) -> None:
    assert integrated_lufs(samples, 16_000) is None
    assert normalise_loudness(samples, 16_000, -21.2) is samples


@pytest.mark.parametrize("level_db", [-40.0, -20.0, -3.0])
def test_a_nano_clip_gets_the_wanted_loudness(level_db: float) -> None:
    audio = normalise_loudness(sine(level_db, 16_000, seconds=33 / 16), 16_000, -21.2)
    assert audio.dtype == np.float32 and audio.size == 33_000
    assert integrated_lufs(audio, 16_000) == pytest.approx(-21.2, abs=0.05)


def test_the_peak_limits_the_gain() -> None:
    clicks = np.zeros(33_000, np.float32)
    clicks[::4000] = 0.5
    audio = normalise_loudness(clicks, 16_000, -10.0)
    assert np.abs(audio).max() == pytest.approx(1.0)
    np.testing.assert_allclose(audio, clicks * 2, rtol=1e-6)  # one gain, no clipping


def test_what_peaks_far_above_full_scale_is_turned_down_whole() -> None:
    hot = sine(18, 48_000)
    np.testing.assert_allclose(turned_down(hot), hot / np.abs(hot).max(), rtol=1e-6)
    for level_db in (-20, 0, 2.9):  # a lossy codec's overshoot stays
        np.testing.assert_array_equal(turned_down(sine(level_db, 48_000)), sine(level_db, 48_000))
