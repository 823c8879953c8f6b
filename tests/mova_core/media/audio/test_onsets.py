"""Times are matched once each, and the lag between curves is found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mova_core.evaluation.events import floor_rise
from mova_core.media.audio.onsets import audio_rise, best_lag_s, match_times
from mova_core.synthetic.world import KINDS, draw_take, render_audio, render_frames

FPS, RATE_HZ = 16, 16_000
TOLERANCE_S = 1 / 16
times = st.lists(st.floats(0, 2), max_size=8).map(sorted)


def test_each_time_is_matched_once() -> None:
    assert match_times([1.0], [0.95, 1.05], 0.06) == [(0, 0)]
    assert match_times([1.0, 1.1], [1.05, 1.15], 0.06) == [(0, 0), (1, 1)]
    assert match_times([1.0], [1.2], 0.06) == []


@given(times, times)
def test_matched_pairs_are_close_rising_and_used_once(first: list[float], second: list[float]) -> None:
    pairs = match_times(first, second, TOLERANCE_S)
    assert all(abs(first[i] - second[j]) <= TOLERANCE_S for i, j in pairs)
    for side in zip(*pairs, strict=True):
        assert list(side) == sorted(set(side))


@pytest.mark.parametrize("lag_s", [-0.3, 0.0, 0.2])
def test_the_lag_is_that_by_which_audio_was_moved(lag_s: float) -> None:
    rng = np.random.default_rng(1)
    take = [draw_take(rng, list(KINDS)[index], 33 / FPS) for index in range(2)][1]
    frames = np.stack(list(render_frames(take, FPS, 33, 48)))
    moved = np.roll(render_audio(take, RATE_HZ, 33_000), round(lag_s * RATE_HZ))
    assert best_lag_s(floor_rise(frames), FPS, audio_rise(moved, RATE_HZ)) == pytest.approx(lag_s, abs=0.04)


def test_a_flat_curve_has_no_lag() -> None:
    assert best_lag_s(np.zeros(33), FPS, np.ones(200)) is None
    assert best_lag_s(np.ones(33), FPS, np.zeros(200)) is None
