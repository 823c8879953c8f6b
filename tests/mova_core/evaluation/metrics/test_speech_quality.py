"""DNSMOS is measured where somebody speaks, which a clip knows or a detector finds."""

from dataclasses import replace

import numpy as np
import pytest

from mova_core.evaluation.metrics.speech_quality import dnsmos_ovrl, dnsmos_p808, speech_share
from mova_core.evaluation.scoring.video_file import read_video
from mova_core.measures.clip import Asked, Clip, Unavailable

RATE_HZ = 16_000


def clip(audio: np.ndarray, share: float | None = None) -> Clip:
    return Clip(np.zeros((4, 16, 16, 3), np.uint8), audio.astype(np.float32), 8.0, RATE_HZ, share)


def tone(seconds: float = 2.0) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


def test_what_is_known_of_speech_is_not_looked_for():
    assert speech_share(clip(tone(), share=0.4)) == 0.4


def test_a_tone_is_no_speech_and_has_no_score():
    assert speech_share(clip(tone())) == 0
    assert dnsmos_p808(clip(tone())) == Unavailable("nobody speaks")


def test_where_somebody_speaks_there_are_scores():
    spoken = clip(tone(), share=1.0)
    assert all(1 <= measure(spoken) <= 5 for measure in (dnsmos_p808, dnsmos_ovrl))


@pytest.mark.parametrize(
    ("audio", "why"), [(tone(0), "no audio"), (0 * tone(), "silent"), (np.nan * tone(), "numbers")]
)
def test_audio_without_a_sound_has_no_score(audio, why):
    missing = dnsmos_p808(replace(clip(audio), speech_share=1.0))
    assert isinstance(missing, Unavailable) and why in missing.reason


def test_real_speech_is_found_and_scored(media):
    spoken = read_video(media / "generated-dialogue-two-men-closeup-1344x704-5s.mp4", Asked())
    assert spoken.speech_share is None and speech_share(spoken) > 0.3
    assert 1 < dnsmos_p808(spoken) < 5
