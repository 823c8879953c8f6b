"""DNSMOS hears noise behind a voice, and asks for a voice first."""

import sys

import numpy as np
import pytest
import scipy.signal

from mova_core.measures.clip import Unavailable
from mova_core.measures.speech_quality import SCORES, dnsmos

RATE_HZ = 16_000


def voice(length_s: float = 9.2) -> np.ndarray:
    """A pulse train through two formants that change, with pauses: clean, and not much more."""
    rng = np.random.default_rng(0)
    times = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    pitch_hz = 120 * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * times))
    pulses = np.diff(np.floor(np.cumsum(pitch_hz) / RATE_HZ), prepend=0)
    audio = np.zeros(len(times))
    for start in range(0, len(times), RATE_HZ // 4):
        part = pulses[start : start + RATE_HZ // 4] * (rng.random() > 0.25)
        for formant_hz in rng.choice([300, 550, 850, 1300, 2200], 2, replace=False):
            pole = np.exp(-np.pi * 90 / RATE_HZ)
            part = scipy.signal.lfilter([1], [1, -2 * pole * np.cos(2 * np.pi * formant_hz / RATE_HZ), pole**2], part)
        audio[start : start + len(part)] = part * np.hanning(len(part)) ** 0.3
    return (0.5 * audio / np.abs(audio).max()).astype(np.float32)


def test_noise_behind_a_voice_lowers_its_background_score_and_the_rate_does_not_matter(monkeypatch):
    pytest.importorskip("speechmos", reason="the extra `metrics` is not installed")
    monkeypatch.setitem(sys.modules, "numba", None)  # as in test_sync.py
    clean = voice()
    noisy = clean + 0.1 * np.random.default_rng(1).standard_normal(len(clean)).astype(np.float32)
    of_clean, of_noisy = (dnsmos(audio, RATE_HZ, 0.7) for audio in (clean, noisy))
    assert list(of_clean) == list(SCORES) and all(1 <= score <= 5 for score in of_clean.values())
    assert of_clean["dnsmos_bak"] > of_noisy["dnsmos_bak"] + 0.5
    assert dnsmos(clean, RATE_HZ, 0.7) == of_clean
    at_48_khz = dnsmos(scipy.signal.resample_poly(clean, 3, 1).astype(np.float32), 3 * RATE_HZ, 0.7)
    assert at_48_khz["dnsmos_bak"] == pytest.approx(of_clean["dnsmos_bak"], abs=0.3)


@pytest.mark.parametrize(("speech_share", "why"), [(0.0, "nobody speaks"), (None, "it is not known whether")])
def test_without_speech_there_is_no_score_and_no_model_is_asked(speech_share, why):
    scores = dnsmos(np.zeros(RATE_HZ, np.float32), RATE_HZ, speech_share)
    assert list(scores) == list(SCORES)
    assert all(isinstance(score, Unavailable) and why in score.reason for score in scores.values())
