"""The test signals of EBU Tech 3341 (loudness, true peak) and Tech 3342 (loudness range), made by their definitions.

Theirs are stereo, the same in both channels, which adds 3.01 dB to what one channel reads: here the one channel is that
much louder. Tolerances are those of the documents: ± 0.1 LU, + 0.2 / - 0.4 dB of true peak, ± 1 LU of range.
Sources: EBU Tech 3341 (2016), table 1, cases 1 to 5 and 15 to 23; EBU Tech 3342 (2016), table 1, cases 1 to 4.
"""

import numpy as np
import pytest
from scipy.signal import firwin

from mova_core.measures.ffmpeg_meters import loudness_range_lu
from mova_core.media.audio.loudness import integrated_lufs, true_peak_dbtp

RATE_HZ = 48_000
ONE_CHANNEL_DB = 10 * np.log10(2)
Parts = list[tuple[float, float]]  # dBFS of each channel's peak, seconds


def tones(parts: Parts, rate_hz: int) -> np.ndarray:
    """A sine of 1 kHz that changes its level, as loud in one channel as the standard's is in two."""
    levels = np.concatenate([np.full(round(seconds * rate_hz), dbfs) for dbfs, seconds in parts])
    sine = np.sin(2 * np.pi * 1000 * np.arange(levels.size) / rate_hz)
    return (sine * 10 ** ((levels + ONE_CHANNEL_DB) / 20)).astype(np.float32)


@pytest.mark.parametrize(
    ("parts", "lufs"),
    [
        pytest.param([(-23, 20)], -23, id="1"),
        pytest.param([(-33, 20)], -33, id="2"),
        pytest.param([(-36, 10), (-23, 60), (-36, 10)], -23, id="3"),
        pytest.param([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23, id="4"),
        pytest.param([(-26, 20), (-20, 20.1), (-26, 20)], -23, id="5"),
    ],
)
def test_integrated_loudness(parts: Parts, lufs: float) -> None:
    assert integrated_lufs(tones(parts, RATE_HZ), RATE_HZ) == pytest.approx(lufs, abs=0.1)


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@pytest.mark.parametrize(
    ("levels", "range_lu"),
    [
        pytest.param([-20, -30], 10, id="1"),
        pytest.param([-20, -15], 5, id="2"),
        pytest.param([-40, -20], 20, id="3"),
        pytest.param([-50, -35, -20, -35, -50], 15, id="4"),
    ],
)
def test_loudness_range(levels: list[float], range_lu: float, rate_hz: int) -> None:
    audio = tones([(level, 20) for level in levels], rate_hz)
    assert loudness_range_lu(audio, rate_hz) == pytest.approx(range_lu, abs=1)


def assert_true_peak(audio: np.ndarray, dbtp: float) -> None:
    measured = true_peak_dbtp(audio.astype(np.float32))
    assert measured is not None and dbtp - 0.4 <= measured <= dbtp + 0.2


def faded(audio: np.ndarray, samples: int) -> np.ndarray:
    """Without the jump at either end, which would be a peak of its own."""
    ramp = np.minimum(1, np.minimum(np.arange(audio.size), np.arange(audio.size)[::-1]) / samples)
    return audio * (0.5 - 0.5 * np.cos(np.pi * ramp))


@pytest.mark.parametrize(
    ("samples_a_period", "degrees", "amplitude", "dbtp"),
    [
        pytest.param(4, 0, 0.5, -6, id="15"),
        pytest.param(4, 45, 0.5, -6, id="16"),
        pytest.param(6, 60, 0.5, -6, id="17"),
        pytest.param(8, 67.5, 0.5, -6, id="18"),
        pytest.param(4, 45, 1.41, 3, id="19"),
    ],
)
def test_true_peak_of_a_sine(samples_a_period: int, degrees: float, amplitude: float, dbtp: float) -> None:
    phase = 2 * np.pi * np.arange(RATE_HZ) / samples_a_period + np.deg2rad(degrees)
    assert_true_peak(faded(amplitude * np.sin(phase), 480), dbtp)


@pytest.mark.parametrize("offset", [pytest.param(number, id=str(20 + number)) for number in range(4)])
def test_true_peak_of_one_loud_period_wherever_the_samples_lie(offset: int) -> None:
    """A period of a quarter of the rate at full scale, within a sine of a sixth of the rate at half of it, made at four
    times the rate, low-passed, and every fourth sample taken."""
    quarter, sixth = 16, 24  # samples a period, at four times the rate
    before = np.sin(2 * np.pi * np.arange(1000 * sixth) / sixth) / 2
    loud = np.sin(2 * np.pi * np.arange(quarter) / quarter)
    made = np.convolve(faded(np.concatenate([before, loud, before]), 2000), firwin(255, 0.25, window=("kaiser", 8)))
    assert_true_peak(made[offset::4], 0)
