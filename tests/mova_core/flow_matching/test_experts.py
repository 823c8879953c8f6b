"""Which expert works where: one boundary for training's levels, the 1000-entry table and a sampling run."""

import pytest

from mova_core.flow_matching import PairSchedule, boundary_index, unshift_sigma
from mova_core.flow_matching.experts import BOUNDARY_RATIO, expert_at, expert_levels, expert_of
from mova_core.flow_matching.schedule import TRAINING_STEPS, shifted_levels


def test_training_alternates_from_the_high_noise_expert():
    assert [expert_of(step) for step in range(4)] == ["video_dit", "video_dit_2"] * 2


def test_levels_and_table_have_one_boundary():
    low, high = expert_levels("video_dit", 5.0, BOUNDARY_RATIO)
    assert (low, high) == (pytest.approx(0.642857, abs=1e-6), 1.0)
    assert expert_levels("video_dit_2", 5.0, BOUNDARY_RATIO) == (0.0, low)
    levels = unshift_sigma(shifted_levels(TRAINING_STEPS, 5.0), 5.0)
    assert int((levels >= low).sum()) == boundary_index(5.0, BOUNDARY_RATIO) == 358


@pytest.mark.parametrize(("steps", "high"), [(1, 1), (4, 2), (25, 9), (50, 18)])
def test_a_run_switches_once(steps, high):
    """The public system's counts at shift 5."""
    experts = [expert_at(sigma, BOUNDARY_RATIO) for sigma in PairSchedule(steps, 5.0, 5.0).sigmas[:, 0]]
    assert experts == ["video_dit"] * high + ["video_dit_2"] * (steps - high)
