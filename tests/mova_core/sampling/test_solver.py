"""The solvers on equations whose answer is known."""

import math

import pytest
import torch

from mova_core.flow_matching import PairSchedule
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.sampling.solver import SOLVERS, steps_of

SHAPES = (1, 2, 2, 2, 2), (1, 2, 5)
SHIFTS = [(5.0, 5.0), (5.0, 1.0)]


def pair(seed):
    generator = torch.Generator().manual_seed(seed)
    return LatentPair(*(torch.randn(shape, generator=generator) for shape in SHAPES))


def solve(noise, velocity_at, schedule, solver="euler"):
    latents = noise
    for step in steps_of(schedule):
        latents = SOLVERS[solver](latents, velocity_at, step)
    return latents


@pytest.mark.parametrize("solver", ["euler", "heun"])
@pytest.mark.parametrize(("video_shift", "audio_shift"), SHIFTS)
@pytest.mark.parametrize("steps", [1, 4])
def test_a_straight_path_is_followed_exactly(steps, video_shift, audio_shift, solver):
    """velocity = noise - clean leads from noise to clean in any number of steps."""
    clean, noise = pair(0), pair(1)
    straight = LatentPair(noise.video - clean.video, noise.audio - clean.audio)
    schedule = PairSchedule(steps, video_shift, audio_shift)
    found = solve(noise, lambda latents, sigmas: straight, schedule, solver)
    torch.testing.assert_close(found.video, clean.video, rtol=0, atol=1e-5)
    torch.testing.assert_close(found.audio, clean.audio, rtol=0, atol=1e-5)


def test_each_modality_follows_its_own_shift():
    """d x / d sigma = x: Euler gives the product of (1 + step), which the shift decides."""
    schedule, noise = PairSchedule(6, 5.0, 1.0), pair(1)
    found = solve(noise, lambda latents, sigmas: latents, schedule)
    factors = (1 + schedule.update_sigmas.diff(dim=0)).prod(dim=0)
    torch.testing.assert_close(found.video, noise.video * factors[0])
    torch.testing.assert_close(found.audio, noise.audio * factors[1])
    assert abs(factors[0] - factors[1]) > 0.01


def error(solver, steps, shifts):
    """Of d x / d sigma = x + sigma, for both modalities: from 1 at sigma 1 to 3 / e - 1 at sigma 0."""

    def velocity_at(latents, sigmas):
        return LatentPair(latents.video + sigmas[0], latents.audio + sigmas[1])

    start = LatentPair(*(torch.ones(shape, dtype=torch.float64) for shape in SHAPES))
    found = solve(start, velocity_at, PairSchedule(steps, *shifts), solver)
    return [abs(float(x.mean()) - (3 / math.e - 1)) for x in (found.video, found.audio)]


@pytest.mark.parametrize("shifts", SHIFTS)
@pytest.mark.parametrize(("solver", "ratio", "largest"), [("euler", 4, 0.05), ("heun", 16, 0.0025)])
def test_order_of_the_error(solver, ratio, largest, shifts):
    """Four times the steps: a quarter of the error at first order, a sixteenth at second order."""
    for coarse, fine in zip(error(solver, 25, shifts), error(solver, 100, shifts), strict=True):
        assert coarse < largest
        assert coarse / fine == pytest.approx(ratio, rel=0.15)


@pytest.mark.parametrize(("solver", "evaluations"), [("euler", 1), ("heun", 2)])
def test_evaluations_a_step_and_their_noise_levels(solver, evaluations):
    """Both modalities are always at the same end of a step; Heun's second evaluation is at the next levels."""
    schedule, seen = PairSchedule(3, 5.0, 1.0), []

    def velocity_at(latents, sigmas):
        seen.append(sigmas)
        return latents

    solve(pair(0), velocity_at, schedule, solver)
    levels = [*schedule.sigmas, torch.zeros(2)]
    assert torch.equal(torch.stack(seen), torch.stack([levels[k + e] for k in range(3) for e in range(evaluations)]))
