"""Speech quality of a clip by DNSMOS (`measures/speech_quality.py`), where somebody speaks.

Whether somebody does is known of a clip from curation; of any other, Silero's voice activity detector says so.
"""

from mova_core.evaluation.metrics.usable import Measured, sound_missing
from mova_core.measures.clip import Clip, Unavailable
from mova_core.speech.audio import speech_audio
from mova_core.speech.voice_activity import speech_in


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
    intervals = speech_in(speech_audio(clip.audio, clip.rate_hz))
    return min(1.0, sum(end_s - start_s for start_s, end_s in intervals) * clip.rate_hz / len(clip.audio))


def _score(clip: Clip, name: str) -> Measured:
    return sound_missing(clip) or clip.get(_scores)[name]


def _scores(clip: Clip) -> dict[str, float] | dict[str, Unavailable]:
    from mova_core.measures.speech_quality import dnsmos

    return dnsmos(clip.audio, clip.rate_hz, clip.get(speech_share))
