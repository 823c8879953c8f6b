"""BS.1770 has known answers; what cannot be measured is None and left alone."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mova_core.media.audio.loudness import integrated_lufs, normalise_loudness, true_peak_dbtp, turned_down


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


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@pytest.mark.parametrize(("share", "phase"), [(1 / 4, np.pi / 4), (1 / 6, np.pi / 6), (0.02, 0.0), (0.4, 1.0)])
def test_the_true_peak_of_a_tone_is_its_amplitude_wherever_its_samples_lie(
    rate_hz: int, share: float, phase: float
) -> None:
    """BS.1770-4, annex 2: a tone at a quarter of the rate can peak 3 dB above its samples."""
    times = np.arange(2 * rate_hz)
    faded = np.minimum(1, np.minimum(times, times[::-1]) / (0.1 * rate_hz))  # an onset would be a peak of its own
    tone = (0.5 * faded * np.sin(2 * np.pi * share * times + phase)).astype(np.float32)
    assert true_peak_dbtp(tone) == pytest.approx(-6.02, abs=0.25)
    if share == 1 / 4:
        assert 20 * np.log10(np.abs(tone).max()) == pytest.approx(-9.03, abs=0.01)


def test_silence_has_no_true_peak() -> None:
    assert true_peak_dbtp(np.zeros(100, np.float32)) is None and true_peak_dbtp(np.zeros(0, np.float32)) is None


@pytest.mark.parametrize("highest_dbtp", [0.0, -1.0, -9.0])
def test_where_loudness_and_true_peak_cannot_both_be_the_peak_holds(highest_dbtp: float) -> None:
    hot = sine(-1, 16_000)
    audio = normalise_loudness(hot, 16_000, -2.0, highest_dbtp)
    assert true_peak_dbtp(audio) == pytest.approx(highest_dbtp, abs=0.01)
    assert (integrated_lufs(audio, 16_000) or 0) < -2.0
    np.testing.assert_allclose(audio / np.abs(audio).max(), hot / np.abs(hot).max(), atol=1e-6)  # one gain
    quiet = normalise_loudness(hot, 16_000, -23.0, highest_dbtp)
    assert integrated_lufs(quiet, 16_000) == pytest.approx(-23.0, abs=0.05)


def test_audio_too_short_for_a_loudness_keeps_to_the_peak_too() -> None:
    short = sine(0, 16_000, seconds=0.2)
    assert true_peak_dbtp(normalise_loudness(short, 16_000, -14.0, -6.0)) == pytest.approx(-6.0, abs=0.01)
    low = short / 100
    assert normalise_loudness(low, 16_000, -14.0, -6.0) == pytest.approx(low)


def test_what_peaks_far_above_full_scale_is_turned_down_whole() -> None:
    hot = sine(18, 48_000)
    np.testing.assert_allclose(turned_down(hot), hot / np.abs(hot).max(), rtol=1e-6)
    for level_db in (-20, 0, 2.9):  # a lossy codec's overshoot stays
        np.testing.assert_array_equal(turned_down(sine(level_db, 48_000)), sine(level_db, 48_000))
