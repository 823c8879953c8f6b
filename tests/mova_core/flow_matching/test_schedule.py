"""How far the released lookup moves a step's noise level; the tables themselves are held to the golden cases."""

import pytest
import torch

from mova_core.flow_matching import PairSchedule


@pytest.mark.parametrize(
    ("table_shift", "shift", "largest"),
    [(5.0, 5.0, 1.62e-3), (5.0, 3.0, 5.86e-3), (5.0, 1.0, 0.0118), (3.0, 3.0, 1.06e-3), (3.0, 1.0, 5.93e-3)],
)
def test_how_far_the_lookup_is_from_a_steps_own_sigma(table_shift, shift, largest):
    schedule = PairSchedule(50, shift, shift, table_shift)
    difference = (schedule.update_sigmas[:-1] - schedule.sigmas).abs().max()
    assert float(difference) == pytest.approx(largest, rel=0.01)


def test_unequal_shifts_have_no_lookup():
    schedule = PairSchedule(50, 5.0, 1.0)
    assert torch.equal(schedule.update_sigmas[:-1], schedule.sigmas)
