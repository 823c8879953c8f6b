"""Course of the learning rate, groups, and the decay of the average."""

import pytest
from torch import nn

from mova_core.params.model import OptimizerParams
from mova_core.training.optimizer import ema_decay, lr_multiplier, make_optimizer, set_lr

PARAMS = OptimizerParams(warmup_steps=50)


def test_course_of_the_learning_rate():
    course = [lr_multiplier(step, 1000, PARAMS, end=0.2) for step in range(1000)]
    assert course[0] == pytest.approx(1 / 51)
    assert course[50:601] == [1.0] * 551
    assert course[800] == pytest.approx(1 - 0.8 * 200 / 399)
    assert course[999] == pytest.approx(0.2)
    assert course[600:] == sorted(course[600:], reverse=True)


@pytest.mark.parametrize("steps", [1, 2, 40])
def test_short_runs_have_a_course_too(steps):
    assert all(0 < lr_multiplier(step, steps, PARAMS, end=0.0) <= 1 for step in range(steps))


def test_the_bridge_learns_twice_as_fast():
    optimizer = make_optimizer({"audio_dit": nn.Linear(3, 2), "dual_tower_bridge": nn.Linear(2, 2)}, PARAMS)
    set_lr(optimizer, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5 * 1.5e-3, 1.5e-3]


def test_the_average_forgets_the_start_early():
    assert ema_decay(0, 0.99) == pytest.approx(0.1)
    assert ema_decay(10_000, 0.99) == 0.99
