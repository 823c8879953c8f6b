"""Audio that Silero takes for speech."""

import numpy as np
import scipy.signal

from mova_core.speech.audio import SPEECH_RATE_HZ as RATE

VOWELS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))


def babble(seconds: float) -> np.ndarray:
    """Vowels sung by a pulse train through three formants: enough of a voice for Silero."""
    rng = np.random.default_rng(0)
    times = np.arange(round(seconds * RATE)) / RATE
    pitch_hz = 120 * (1 + 0.15 * np.sin(2 * np.pi * 0.7 * times) + 0.05 * np.sin(2 * np.pi * 2.3 * times))
    source = np.diff(np.floor(np.cumsum(pitch_hz) / RATE), prepend=0) + 0.02 * rng.standard_normal(len(times))
    voice = np.zeros(len(times))
    for start in range(0, len(times), RATE * 4 // 25):
        vowel = source[start : start + RATE * 4 // 25]
        for formant_hz, width_hz in zip(VOWELS_HZ[rng.integers(len(VOWELS_HZ))], (80, 100, 120), strict=True):
            pole = np.exp(-np.pi * width_hz / RATE)
            turn = np.cos(2 * np.pi * formant_hz / RATE)
            vowel = scipy.signal.lfilter([1 - pole], [1, -2 * pole * turn, pole**2], vowel)
        voice[start : start + len(vowel)] = vowel * np.hanning(len(vowel)) ** 0.3
    return (0.5 * voice / np.abs(voice).max()).astype(np.float32)
