"""From noise to data along the velocity, both modalities at their own noise levels.

Shape suffixes: B batch; a step's sigmas are [2], column 0 video, 1 audio.
"""

from collections.abc import Callable

from torch import Tensor

from mova_core.flow_matching import PairSchedule, move
from mova_core.model.dual_tower import LatentPair

Velocity = Callable[[LatentPair, int], LatentPair]


def euler_step(latents: LatentPair, velocity: LatentPair, sigma_from: Tensor, sigma_to: Tensor) -> LatentPair:
    """Both latents at their next noise level."""
    return LatentPair(
        move(latents.video, velocity.video, float(sigma_from[0]), float(sigma_to[0])),
        move(latents.audio, velocity.audio, float(sigma_from[1]), float(sigma_to[1])),
    )


def integrate(noise: LatentPair, velocity_at: Velocity, schedule: PairSchedule) -> LatentPair:
    """Euler's method down the schedule.

    Args:
        noise: standard normal latents.
        velocity_at: velocity of latents at the levels of step k.
        schedule: noise levels; the last step goes to 0.
    """
    latents, sigmas = noise, schedule.update_sigmas
    for step in range(schedule.steps):
        latents = euler_step(latents, velocity_at(latents, step), sigmas[step], sigmas[step + 1])
    return latents
