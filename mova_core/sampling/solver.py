"""Integrates from noise to data along the velocity; each modality has its own noise levels.

A solver makes one step of both modalities at once: whenever the video is at the step's next level, so is the audio.
Shape suffixes: B batch; a step's sigmas are [2], column 0 video, 1 audio.
Sources: released scheduler (Euler); Karras et al., arXiv:2206.00364, algorithm 1 (Heun).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mova_core.flow_matching import PairSchedule, euler_step
from mova_core.model.towers.dual_tower import LatentPair

# The guided velocity of latents at the noise levels [2] of video and audio.
VelocityAt = Callable[[LatentPair, Tensor], LatentPair]


@dataclass(frozen=True, slots=True)
class Step:
    """Noise levels [2] of one step.

    Args:
        sigma: where the step starts.
        next_sigma: where it ends.
        update: start and end by which the released Euler update moves the latents (see `PairSchedule`).
    """

    sigma: Tensor
    next_sigma: Tensor
    update: tuple[Tensor, Tensor]


Solver = Callable[[LatentPair, VelocityAt, Step], LatentPair]


def euler(latents: LatentPair, velocity_at: VelocityAt, step: Step) -> LatentPair:
    """Follow the velocity at the start of the step: one evaluation, error of first order."""
    return _moved(latents, velocity_at(latents, step.sigma), *step.update)


def heun(latents: LatentPair, velocity_at: VelocityAt, step: Step) -> LatentPair:
    """Follow the mean of the velocities at start and end of an Euler step: two evaluations, error of second order.

    It uses the schedule's own sigmas: the rounded ones of the released Euler update would make it first order.
    """
    levels = step.sigma, step.next_sigma
    start = velocity_at(latents, step.sigma)
    end = velocity_at(_moved(latents, start, *levels), step.next_sigma)
    mean = LatentPair((start.video + end.video) / 2, (start.audio + end.audio) / 2)
    return _moved(latents, mean, *levels)


SOLVERS: dict[str, Solver] = {"euler": euler, "heun": heun}


def steps_of(schedule: PairSchedule) -> Iterator[Step]:
    """The steps of a schedule, from noise to data; the last one goes to 0."""
    updates = schedule.update_sigmas
    sigmas = torch.cat([schedule.sigmas, torch.zeros(1, 2)])
    for index in range(schedule.steps):
        yield Step(sigmas[index], sigmas[index + 1], (updates[index], updates[index + 1]))


def _moved(latents: LatentPair, velocity: LatentPair, sigma_from: Tensor, sigma_to: Tensor) -> LatentPair:
    """Both latents at their next noise level, each by an Euler step of its own."""
    return LatentPair(
        euler_step(latents.video, velocity.video, float(sigma_from[0]), float(sigma_to[0])),
        euler_step(latents.audio, velocity.audio, float(sigma_from[1]), float(sigma_to[1])),
    )
