"""A bootstrap interval holds the value, narrows with clips and repeats; nothing measured is None."""

import numpy as np
import pytest

from mova_core.evaluation.measuring.ratio_metric import NOTHING, RatioMetric, draw_clips, draw_halves, interval


def test_a_value_lies_in_its_interval_which_narrows_with_clips() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for clips in (20, 500):
        metric = RatioMetric.of([(value, 1.0) for value in rng.uniform(size=clips)])
        low, high = interval(metric.resampled(draw_clips(clips, 400, 1)))
        assert low < metric.value < high
        widths.append(high - low)
    assert widths[1] < 0.5 * widths[0]


def test_the_same_seed_draws_the_same_clips() -> None:
    assert np.array_equal(draw_clips(9, 3, 1), draw_clips(9, 3, 1))
    assert not np.array_equal(draw_clips(9, 3, 1), draw_clips(9, 3, 2))


def test_halves_hold_no_clip_twice_and_every_clip_sometimes() -> None:
    halves = draw_halves(9, 40, 1)
    assert halves.shape == (40, 4) and np.array_equal(halves, draw_halves(9, 40, 1))
    assert all(len(set(half)) == 4 for half in halves.tolist())
    assert set(halves.ravel().tolist()) == set(range(9))


def test_missing_values_are_left_out_and_nothing_at_all_is_none() -> None:
    assert RatioMetric.of([(1.0, 1.0), NOTHING, (3.0, 1.0)]).value == pytest.approx(2)
    nothing = RatioMetric.of([NOTHING, NOTHING])
    assert nothing.value is None
    assert interval(nothing.resampled(draw_clips(2, 5, 0))) == (None, None)
