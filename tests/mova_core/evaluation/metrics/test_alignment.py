"""Alignment of a clip, and of a wrong pair; reasons where there is nothing to align."""

import numpy as np
import pytest

from mova_core.evaluation.metrics.alignment import av_align, av_align_many_to_one, onset_lag_s
from mova_core.measures.clip import Clip, Unavailable

FPS, RATE_HZ, FRAMES = 24.0, 16_000, 60
MEASURES = [av_align, av_align_many_to_one, onset_lag_s]


def clip(frames_at: tuple[int, ...], clicks_s: tuple[float, ...], frames: int = FRAMES) -> Clip:
    """A texture that jumps into these frames, and clicks at these times."""
    rng = np.random.default_rng(0)
    texture = np.kron(rng.integers(40, 220, (12, 20)), np.ones((8, 8))).astype(np.uint8)
    moved = np.cumsum([index in frames_at for index in range(FRAMES)])
    audio = rng.normal(0, 1e-4, round(FRAMES / FPS * RATE_HZ))
    for click_s in clicks_s:
        audio[round(click_s * RATE_HZ) :][:800] += rng.normal(0, 0.3, 800) * np.linspace(1, 0, 800)
    video = np.stack([np.roll(texture, 3 * shift, axis=1) for shift in moved])[..., None].repeat(3, axis=3)
    return Clip(video[:frames], audio.astype(np.float32), FPS, RATE_HZ)


AT = (12, 31, 47)
TIMES_S = tuple(at / FPS for at in AT)


def test_what_happens_together_is_aligned_and_what_lags_is_not():
    together, late = clip(AT, TIMES_S), clip(AT, tuple(time_s + 0.25 for time_s in TIMES_S))
    assert av_align(together, together) == av_align_many_to_one(together, together) == 1
    assert onset_lag_s(together, together) == pytest.approx(0, abs=1 / FPS)
    assert av_align(late, late) == 0
    assert onset_lag_s(late, late) == pytest.approx(0.25, abs=1 / FPS)


def test_the_lag_has_no_sign_and_a_pair_takes_video_and_audio_from_its_sides():
    together, early = clip(AT, TIMES_S), clip(AT, tuple(time_s - 0.25 for time_s in TIMES_S))
    assert onset_lag_s(together, early) == pytest.approx(0.25, abs=1 / FPS)
    assert onset_lag_s(early, together) == pytest.approx(0, abs=1 / FPS)


@pytest.mark.parametrize("measure", MEASURES)
def test_without_a_sound_or_movement_there_is_a_reason(measure):
    whole = clip(AT, TIMES_S)
    silent = Clip(whole.frames, np.zeros_like(whole.audio), FPS, RATE_HZ)
    none = Clip(whole.frames, whole.audio[:0], FPS, RATE_HZ)
    broken = Clip(whole.frames, np.full_like(whole.audio, np.nan), FPS, RATE_HZ)
    for audio, why in ((silent, "silent"), (none, "no audio"), (broken, "no numbers")):
        missing = measure(audio, audio)
        assert isinstance(missing, Unavailable) and why in missing.reason
    one = clip(AT, TIMES_S, frames=1)
    assert isinstance(measure(one, one), Unavailable)
