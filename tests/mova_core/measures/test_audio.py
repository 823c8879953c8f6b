"""Audio with known answers."""

import numpy as np
import pytest

from mova_core.measures.audio import (
    bandwidth_hz,
    clipped_share,
    clipping_runs_hz,
    silence_ratio,
    speech_share,
)

RATES_HZ = (16_000, 48_000)


def tone(hertz: float, rate_hz: int, peak: float = 0.5, length_s: float = 2.0) -> np.ndarray:
    times = np.arange(round(length_s * rate_hz)) / rate_hz
    return (peak * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def low_passed(edge_hz: float, rate_hz: int, rms: float = 0.1) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(2 * rate_hz)
    spectrum = np.fft.rfft(noise)
    spectrum[np.fft.rfftfreq(len(noise), 1 / rate_hz) > edge_hz] = 0
    audio = np.fft.irfft(spectrum, len(noise))
    return (audio * rms / audio.std()).astype(np.float32)


def as_16_bit(audio: np.ndarray) -> np.ndarray:
    return (np.rint(audio * 32768) / 32768).astype(np.float32)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_silence_ratio_is_the_silent_share(rate_hz, share):
    audio = tone(440, rate_hz)
    audio[: round(share * len(audio))] = 0
    assert silence_ratio(audio, rate_hz) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize(("level_dbfs", "ratio"), [(-49, 0.0), (-51, 1.0)])
def test_silence_begins_at_minus_50_dbfs(level_dbfs, ratio):
    peak = 10 ** (level_dbfs / 20) * np.sqrt(2)
    assert silence_ratio(tone(400, 16_000, peak), 16_000) == ratio


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("hertz", [100, 440, 3000])
def test_bandwidth_of_a_tone_is_about_its_frequency(rate_hz, hertz):
    assert bandwidth_hz(as_16_bit(tone(hertz, rate_hz)), rate_hz) == pytest.approx(hertz, abs=150)


@pytest.mark.parametrize("rms", [0.2, 0.002])  # the quieter one lies 44 dB above the rounding noise of 16 bits
@pytest.mark.parametrize("edge_hz", [800, 3400])
def test_bandwidth_of_low_passed_noise_is_the_edge(edge_hz, rms):
    assert bandwidth_hz(as_16_bit(low_passed(edge_hz, 48_000, rms)), 48_000) == pytest.approx(edge_hz, abs=100)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_bandwidth_of_white_noise_is_half_the_rate_and_of_silence_zero(rate_hz):
    assert bandwidth_hz(low_passed(rate_hz, rate_hz), rate_hz) == rate_hz / 2
    assert bandwidth_hz(np.zeros(rate_hz, np.float32), rate_hz) == 0


def test_bandwidth_does_not_depend_on_loudness():
    audio = low_passed(2000, 16_000)
    assert bandwidth_hz(audio, 16_000) == bandwidth_hz(audio * np.float32(0.1), 16_000)


def test_clipped_share_counts_full_scale_samples_only():
    sine = tone(440, 48_000, peak=1.0)
    assert clipped_share(sine) < 0.05  # a full-scale sine holds the default limit
    assert clipped_share(tone(440, 48_000, peak=0.99)) == 0
    assert clipped_share((sine * 2).clip(-1, 1)) == pytest.approx(2 / 3, abs=0.01)  # |sin| > 1/2 for two thirds


def test_speech_share_counts_what_lies_in_the_window():
    assert speech_share(10, 20, []) == 0
    assert speech_share(10, 20, [[0, 12.5], [14, 15], [19, 30]]) == pytest.approx(0.45)
    assert speech_share(10, 20, [[5, 40]]) == 1


@pytest.mark.parametrize("gain", [1.0, 0.4])
@pytest.mark.parametrize("hertz", [50, 440])
def test_clipping_runs_are_two_a_period_whatever_the_level(hertz, gain):
    clipped = as_16_bit((tone(hertz, 48_000, peak=1.0) * 2).clip(-1, 32767 / 32768) * np.float32(gain))
    assert clipping_runs_hz(clipped, 48_000) == pytest.approx(2 * hertz, rel=0.01)


@pytest.mark.parametrize("hertz", [20, 50, 440, 5000])
def test_a_sine_of_full_scale_is_not_clipped(hertz):
    assert clipping_runs_hz(as_16_bit(tone(hertz, 48_000, peak=0.99996)), 48_000) == 0


def test_noise_and_silence_have_no_clipping_runs():
    assert clipping_runs_hz(as_16_bit(low_passed(3000, 16_000)), 16_000) == 0
    assert clipping_runs_hz(np.zeros(16_000, np.float32), 16_000) == 0
