"""Clicks and jolts made together, apart and late: AV-Align and the lag find what was made."""

import sys

import numpy as np
import pytest

from mova_core.measures.av_align import flow_peaks_s
from mova_core.measures.clip import Clip, Unavailable
from mova_core.measures.sync import av_align, onset_lag_s, onsets_s
from mova_core.synthetic.world import KINDS, draw_take, render_audio, render_frames

FPS, RATE_HZ, FRAMES = 24.0, 48_000, 97
AT = (20, 41, 70)  # frames into which the image jolts


def clicks(times_s: list[float], length_s: float = FRAMES / FPS) -> np.ndarray:
    """Short bursts of noise over faint noise."""
    rng = np.random.default_rng(0)
    audio = rng.normal(0, 1e-4, round(length_s * RATE_HZ))
    for time_s in times_s:
        start, size = round(time_s * RATE_HZ), round(0.05 * RATE_HZ)
        audio[start : start + size] += rng.normal(0, 0.3, size) * np.linspace(1, 0, size)
    return audio.astype(np.float32)


def jolting(at: tuple[int, ...] = AT) -> np.ndarray:
    """RGB frames of a texture that stands still but for one jump into each of these frames."""
    texture = np.kron(np.random.default_rng(1).integers(40, 220, (12, 20)), np.ones((8, 8))).astype(np.uint8)
    moved = np.cumsum([index in at for index in range(FRAMES)])
    return np.stack([np.roll(texture, 3 * shift, axis=1) for shift in moved])[..., None].repeat(3, axis=3)


def clip(audio: np.ndarray, frames: np.ndarray | None = None) -> Clip:
    return Clip(jolting() if frames is None else frames, audio, FPS, RATE_HZ)


def twice(audio: np.ndarray, frames: np.ndarray | None = None) -> tuple[Clip, Clip]:
    """One clip as the one that gives the video, and the one that gives the audio."""
    return (made := clip(audio, frames), made)


@pytest.fixture(scope="module")
def late() -> list[float]:
    return [frame / FPS for frame in AT]


def test_onsets_and_peaks_are_found_where_they_were_made(late, monkeypatch):
    # Worker processes that compile with numba into one cache at once can leave it so that all later ones crash.
    monkeypatch.setitem(sys.modules, "numba", None)
    assert onsets_s(clicks(late), RATE_HZ) == pytest.approx(late, abs=0.035)
    assert flow_peaks_s(clip(clicks(late)).flow.speed, FPS) == pytest.approx(late, abs=0.001)


def test_av_align_is_the_share_of_events_in_both(late):
    assert av_align(*twice(clicks(late))) == 1
    assert av_align(*twice(clicks(late[:2]))) == pytest.approx(2 / 3)
    assert av_align(*twice(clicks([*late[:2], late[2] - 0.5]))) == pytest.approx(2 / 4)
    assert av_align(*twice(clicks([time_s + 0.3 for time_s in late]))) == 0


@pytest.mark.parametrize("lag_s", [-0.4, -0.1, 0.0, 0.25, 0.8])
def test_the_lag_is_that_of_the_audio(late, lag_s):
    assert onset_lag_s(*twice(clicks([time_s + lag_s for time_s in late]))) == pytest.approx(lag_s, abs=1 / FPS)


def test_without_an_onset_or_movement_it_says_so(late):
    still = jolting(at=())
    silence = np.zeros(FRAMES * 2000, np.float32)
    assert av_align(*twice(silence, still)) == Unavailable("neither an onset in the audio nor a peak of movement")
    assert av_align(*twice(silence)) == 0
    assert onset_lag_s(*twice(clicks(late), still)) == Unavailable("nothing moves")
    assert onset_lag_s(*twice(silence)) == Unavailable("the audio never rises")


def test_the_lag_of_the_made_world_is_none_and_follows_a_shift():
    take = draw_take(np.random.default_rng(3), list(KINDS)[1], 4.0)
    frames = np.stack(list(render_frames(take, 24, FRAMES, 96)))
    audio = render_audio(take, RATE_HZ, FRAMES * 2000)
    assert onset_lag_s(*twice(audio, frames)) == pytest.approx(0, abs=1 / FPS)
    assert onset_lag_s(*twice(np.roll(audio, 9600), frames)) == pytest.approx(0.2, abs=1 / FPS)
