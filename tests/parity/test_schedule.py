"""Schedules and the path against the golden scheduler."""

import pytest
import torch

from mova_core.flow_matching import PairSchedule, add_noise, boundary_index, euler_step, velocity_target
from mova_core.flow_matching.schedule import TRAINING_STEPS, shifted_levels

SHIFTS = [(5, 5), (5, 1), (1, 1)]


@pytest.mark.parametrize("steps", [4, 25, 50])
@pytest.mark.parametrize(("video", "audio"), SHIFTS)
def test_tables(golden, steps, video, audio):
    case, name = golden("scheduler"), f"n{steps}_v{video}_a{audio}"
    schedule = PairSchedule(steps, video, audio)
    case.check(f"out.{name}.sigmas", schedule.sigmas)
    case.check(f"out.{name}.timesteps", schedule.timesteps)


@pytest.mark.parametrize("steps", [4, 25, 50])
@pytest.mark.parametrize("shift", [5, 1])
def test_updates_with_equal_shifts_use_the_nearest_entry(golden, steps, shift):
    case, name = golden("scheduler"), f"n{steps}_v{shift}_a{shift}"
    sigmas = PairSchedule(steps, shift, shift).update_sigmas
    case.check(f"out.{name}.lookup_sigma", sigmas[:-1])
    sample, velocity = case["in.sample"], case["in.velocity"]
    for row, key in ((0, "step_first"), (-2, "step_last")):
        ours = [euler_step(sample, velocity, sigmas[row, column], sigmas[row + 1, column]) for column in (0, 1)]
        case.check(f"out.{name}.{key}", torch.stack(ours))
    for index in range(steps):  # the golden trajectory's velocity fades linearly with the step
        sample = euler_step(sample, velocity * (1 - index / steps), sigmas[index, 0], sigmas[index + 1, 0])
    case.check(f"out.{name}.trajectory_video", sample)


@pytest.mark.parametrize("steps", [4, 25, 50])
def test_unequal_shifts_use_each_columns_own_sigma(golden, steps):
    """The public system looks both up in the base table, whose end at 0.0148 an unshifted column cannot pass."""
    case = golden("scheduler")
    ours = PairSchedule(steps, 5, 1)
    assert torch.equal(ours.update_sigmas[:-1], ours.sigmas)
    lookup = case[f"out.n{steps}_v5_a1.lookup_sigma"]
    assert (lookup[:, 0] - ours.sigmas[:, 0]).abs().max() < 1.7e-3
    assert lookup[-1, 1] - ours.sigmas[-1, 1] == pytest.approx(0.0118, abs=1e-4)


def test_training_table(golden):
    case = golden("scheduler")
    table = shifted_levels(TRAINING_STEPS, 5.0)
    case.check("out.train.timesteps", table * TRAINING_STEPS)
    assert boundary_index(5.0, 0.9) == int(case["out.train.boundary_index"])
    sigma = table[case["in.train.ids"]]
    clean = case["in.sample"].expand(len(sigma), -1, -1)
    noise = case["in.noise"].expand(len(sigma), -1, -1)
    case.check("out.train.add_noise", add_noise(clean, noise, sigma))
    case.check("out.train.target", velocity_target(case["in.sample"], case["in.noise"]))


def test_training_draws_of_both_experts(golden):
    """One uniform draw in the expert's share of the table; the public system uses it for both modalities."""
    case = golden("scheduler")
    timesteps = shifted_levels(TRAINING_STEPS, 5.0) * TRAINING_STEPS
    boundary = boundary_index(5.0, 0.9)
    for name, low, high in (("high", 0, boundary), ("low", boundary, TRAINING_STEPS)):
        drawn = case[f"out.train.sampled_{name}_video"]
        assert torch.equal(drawn, case[f"out.train.sampled_{name}_audio"])
        assert torch.isin(drawn, timesteps[low:high]).all()
