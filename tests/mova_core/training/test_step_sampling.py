"""Draws are functions of (seed, phase, step): rates, micro_batches and independence are counted."""

import pytest
import torch

from mova_core.flow_matching.experts import BOUNDARY_RATIO, HIGH_NOISE, LOW_NOISE, expert_levels
from mova_core.model.tasks import TASKS
from mova_core.params.model import JointPhaseParams, TaskWeights
from mova_core.training.step_sampling import (
    JointStep,
    Stream,
    generator_of,
    micro_batch_of,
    noise_of,
    sample_joint_step,
)

DRAWS = 2000


def drawn(params: JointPhaseParams, count: int = DRAWS, step: int = 0, expert: str = HIGH_NOISE) -> JointStep:
    levels = expert_levels(expert, params.video_shift, BOUNDARY_RATIO)
    return sample_joint_step(params, count, levels, generator_of(0, 1, Stream.STEP, step))


def mix(**weights: float) -> TaskWeights:
    """These tasks and no other."""
    return TaskWeights(**dict.fromkeys(TASKS, 0.0) | weights)


def test_every_task_has_a_weight_and_the_reports_two_are_the_default():
    assert set(TaskWeights.model_fields) == set(TASKS)
    used = {name: weight for name, weight in TaskWeights().model_dump().items() if weight}
    assert used == {"text_to_both": 0.5, "first_frame": 0.5}


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_its_row(name):
    task, sample = TASKS[name], drawn(JointPhaseParams(tasks=mix(**{name: 0.3}), bridge_dropout=0.0), 50)
    assert bool((sample.video_sigma_B == 0).all()) == (task.video == "given")
    assert bool((sample.audio_sigma_B == 0).all()) == (task.audio == "given")
    assert sample.video_learns_B.tolist() == [task.video == "noised"] * 50
    assert sample.audio_learns_B.tolist() == [task.audio == "noised"] * 50
    assert sample.bridge_mask_B.tolist() == [task.bridge] * 50
    assert sample.first_given_B.tolist() == [task.first_frame] * 50
    assert sample.last_given_B.tolist() == [task.last_frame] * 50


def test_tasks_are_drawn_by_weight_and_change_no_other_draw():
    plain, mixed = drawn(JointPhaseParams()), drawn(JointPhaseParams(tasks=mix(text_to_both=1, audio_from_video=3)))
    given_B = mixed.video_sigma_B == 0
    assert abs(given_B.float().mean().item() - 0.75) < 4 * (0.75 * 0.25 / DRAWS) ** 0.5
    assert torch.equal(mixed.video_sigma_B[~given_B], plain.video_sigma_B[~given_B])
    for name in ("audio_sigma_B", "text_mask_B", "bridge_mask_B", "caption_B"):
        assert torch.equal(getattr(mixed, name), getattr(plain, name))


def test_rates_of_dropout():
    sample = drawn(JointPhaseParams(text_dropout=0.2, bridge_dropout=0.15))
    rates = {"text_mask_B": 0.8, "bridge_mask_B": 0.85, "first_given_B": 0.5}
    for name, rate in rates.items():
        kept = getattr(sample, name).float().mean().item()
        assert abs(kept - rate) < 4 * (rate * (1 - rate) / DRAWS) ** 0.5, name  # four standard errors


def test_text_and_bridge_are_dropped_apart():
    sample = drawn(JointPhaseParams(text_dropout=0.5, bridge_dropout=0.5))
    both = (sample.text_mask_B & sample.bridge_mask_B).float().mean().item()
    assert abs(both - 0.25) < 4 * (0.25 * 0.75 / DRAWS) ** 0.5


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_extreme_rates_are_exact(rate):
    sample = drawn(
        JointPhaseParams(text_dropout=rate, bridge_dropout=rate, tasks=mix(first_frame=rate, text_to_both=1 - rate))
    )
    assert sample.text_mask_B.all() == (rate == 0)
    assert sample.bridge_mask_B.all() == (rate == 0)
    assert sample.first_given_B.any() == (rate == 1)


def test_modalities_and_samples_draw_their_own_levels():
    sample = drawn(JointPhaseParams())
    assert len(sample.video_sigma_B.unique()) > 0.99 * DRAWS
    assert len(sample.audio_sigma_B.unique()) > 0.99 * DRAWS
    together = torch.corrcoef(torch.stack([sample.video_sigma_B, sample.audio_sigma_B]))[0, 1]
    assert abs(together) < 4 / DRAWS**0.5


@pytest.mark.parametrize(("shift", "mean"), [(1.0, 0.5), (5.0, 0.7471)])
def test_audio_levels_follow_their_own_shift(shift, mean):
    """Mean of s u / (1 + (s - 1) u) over u in [0, 1]: s / (s - 1) - s ln(s) / (s - 1)^2."""
    sample = drawn(JointPhaseParams(audio_shift=shift))
    assert abs(sample.audio_sigma_B.mean().item() - mean) < 4 * 0.29 / DRAWS**0.5


def test_each_expert_trains_on_its_own_noise_levels():
    params = JointPhaseParams()
    assert drawn(params, expert=HIGH_NOISE).video_sigma_B.min() >= BOUNDARY_RATIO - 1e-6
    assert drawn(params, expert=LOW_NOISE).video_sigma_B.max() <= BOUNDARY_RATIO


def test_a_step_draws_the_same_again_and_another_step_does_not():
    first, again, other = (drawn(JointPhaseParams(), 4, step) for step in (3, 3, 4))
    for name in ("video_sigma_B", "audio_sigma_B", "caption_B"):
        assert torch.equal(getattr(first, name), getattr(again, name))
        assert not torch.equal(getattr(first, name), getattr(other, name))


def test_micro_batches_are_the_whole_batch():
    whole = drawn(JointPhaseParams(), 6)
    parts = [micro_batch_of(whole, slice(index, None, 2)) for index in range(2)]
    assert torch.equal(torch.stack([part.video_sigma_B for part in parts], dim=1).flatten(0, 1), whole.video_sigma_B)
    assert [len(part.bridge_mask_B) for part in parts] == [3, 3]


def test_noise_is_standard_normal_and_each_clip_has_its_own():
    def noise(rows) -> list[torch.Tensor]:
        shapes = torch.Size([4, 50]), torch.Size([200])
        return noise_of([generator_of(0, 1, Stream.STEP, 3, row) for row in rows], *shapes)

    whole, part = noise(range(40)), noise([7, 5])
    for all_rows, two in zip(whole, part, strict=True):
        assert torch.equal(all_rows[[7, 5]], two)
        assert abs(all_rows.mean()) < 4 / all_rows.numel() ** 0.5 and abs(all_rows.std() - 1) < 0.05
    streams = [generator_of(0, 1, Stream.STEP, 3), *(generator_of(0, 1, Stream.STEP, 3, row) for row in range(3))]
    assert len({float(torch.rand(1, generator=each)) for each in streams}) == 4
