"""Speech quality of a clip by DNSMOS (`measures/speech_quality.py`), where somebody speaks.

Whether somebody does is known of a clip from curation; of any other, Silero's voice activity detector says so.
"""

from math import gcd

import numpy as np

from mova_core.evaluation.metrics.usable import Measured, sound_missing
from mova_core.measures.clip import Clip, Unavailable

SPEECH_THRESHOLD = 0.5  # of Silero's probability: its default, and that of params segment.speech_threshold


def dnsmos_p808(clip: Clip) -> Measured:
    """Overall mean opinion score of P.808, 1..5."""
    return _score(clip, "dnsmos_p808")


def dnsmos_sig(clip: Clip) -> Measured:
    """Mean opinion score of P.835 of the speech itself, 1..5."""
    return _score(clip, "dnsmos_sig")


def dnsmos_bak(clip: Clip) -> Measured:
    """Mean opinion score of P.835 of what is behind the speech, 1..5."""
    return _score(clip, "dnsmos_bak")


def dnsmos_ovrl(clip: Clip) -> Measured:
    """Overall mean opinion score of P.835, 1..5."""
    return _score(clip, "dnsmos_ovrl")


def speech_share(clip: Clip) -> float:
    """Share of the clip that lies in speech, 0..1."""
    if clip.speech_share is not None:
        return clip.speech_share
    from scipy.signal import resample_poly

    from mova_core.curation.segment.speech import SPEECH_RATE_HZ, SpeechDetector

    common = gcd(SPEECH_RATE_HZ, clip.rate_hz)
    audio = resample_poly(clip.audio, SPEECH_RATE_HZ // common, clip.rate_hz // common).astype(np.float32)
    detector = SpeechDetector(SPEECH_THRESHOLD)
    detector.add(0.0, audio)
    return min(1.0, sum(end_s - start_s for start_s, end_s in detector.speech()) * clip.rate_hz / len(clip.audio))


def _score(clip: Clip, name: str) -> Measured:
    return sound_missing(clip) or clip.get(_scores)[name]


def _scores(clip: Clip) -> dict[str, float] | dict[str, Unavailable]:
    from mova_core.measures.speech_quality import dnsmos

    return dnsmos(clip.audio, clip.rate_hz, clip.get(speech_share))
