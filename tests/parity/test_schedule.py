"""Schedules and the path against the golden scheduler, at its own steps and shifts."""

import itertools

import torch

from mova_core.flow_matching import PairSchedule, add_noise, boundary_index, euler_step, velocity_target
from mova_core.flow_matching.schedule import TRAINING_STEPS, shifted_levels


def schedules(case):
    """Each schedule of the case with the start of its tensors' names."""
    for steps, (video, audio) in itertools.product(case.config["steps"], case.config["shift_pairs"]):
        yield f"out.n{steps}_v{video:g}_a{audio:g}", PairSchedule(steps, video, audio, case.config["base_shift"])


def test_tables(golden):
    case = golden("scheduler")
    for name, schedule in schedules(case):
        case.check(f"{name}.sigmas", schedule.sigmas)
        case.check(f"{name}.timesteps", schedule.timesteps)


def test_updates_with_equal_shifts_use_the_nearest_entry(golden):
    case = golden("scheduler")
    for name, schedule in schedules(case):
        if schedule.video_shift != schedule.audio_shift:
            continue
        sigmas, steps = schedule.update_sigmas, schedule.steps
        case.check(f"{name}.lookup_sigma", sigmas[:-1])
        sample, velocity = case["in.sample"], case["in.velocity"]
        for row, key in ((0, "step_first"), (-2, "step_last")):
            ours = [euler_step(sample, velocity, sigmas[row, column], sigmas[row + 1, column]) for column in (0, 1)]
            case.check(f"{name}.{key}", torch.stack(ours))
        for index in range(steps):  # the golden trajectory's velocity fades linearly with the step
            sample = euler_step(sample, velocity * (1 - index / steps), sigmas[index, 0], sigmas[index + 1, 0])
        case.check(f"{name}.trajectory_video", sample)


def test_unequal_shifts_use_each_columns_own_sigma(golden):
    """The public system looks both up in the base table, whose end an audio column of a smaller shift cannot pass."""
    case = golden("scheduler")
    last = shifted_levels(TRAINING_STEPS, case.config["base_shift"])[-1]
    for name, schedule in schedules(case):
        if schedule.video_shift == schedule.audio_shift:
            continue
        assert torch.equal(schedule.update_sigmas[:-1], schedule.sigmas)
        theirs, own = case[f"{name}.lookup_sigma"][-1, 1], schedule.sigmas[-1, 1]
        torch.testing.assert_close(theirs, torch.maximum(own, last))


def test_training_table(golden):
    case = golden("scheduler")
    table = shifted_levels(TRAINING_STEPS, case.config["base_shift"])
    case.check("out.train.timesteps", table * TRAINING_STEPS)
    boundary = boundary_index(case.config["base_shift"], case.config["boundary_ratio"])
    assert boundary == int(case["out.train.boundary_index"])
    sigma = table[case["in.train.ids"]]
    clean = case["in.sample"].expand(len(sigma), -1, -1)
    noise = case["in.noise"].expand(len(sigma), -1, -1)
    case.check("out.train.add_noise", add_noise(clean, noise, sigma))
    case.check("out.train.target", velocity_target(case["in.sample"], case["in.noise"]))


def test_training_draws_of_both_experts(golden):
    """One uniform draw in the expert's part of the table; the public system uses it for both modalities."""
    case = golden("scheduler")
    shift = case.config["base_shift"]
    timesteps = shifted_levels(TRAINING_STEPS, shift) * TRAINING_STEPS
    boundary = boundary_index(shift, case.config["boundary_ratio"])
    for name, low, high in (("high", 0, boundary), ("low", boundary, TRAINING_STEPS)):
        drawn = case[f"out.train.sampled_{name}_video"]
        assert torch.equal(drawn, case[f"out.train.sampled_{name}_audio"])
        assert torch.isin(drawn, timesteps[low:high]).all()
