"""The denoising loop: which expert, which forwards, what is known beforehand, and when to stop early.

The high-noise expert starts; the first step whose video timestep is below the boundary hands over to the low-noise
expert for good. A batch's samples never meet, so a sample comes out the same alone or among others.
Shape suffixes: B batch, C channels, T latent frames, H W latent rows and columns, K context positions.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mova_core.errors import MovaError
from mova_core.flow_matching import PairSchedule, add_noise
from mova_core.flow_matching.schedule import TRAINING_STEPS
from mova_core.model.bridge import BRIDGE_OFF, BridgeScale
from mova_core.model.dual_tower import EXPERTS, DualTower, LatentPair
from mova_core.sampling.guidance import Forward, Guidance
from mova_core.sampling.solver import integrate

# The forwards of a step run as one batch up to this many positions of video latents (4 a token): faster for one nano
# clip on one core, nothing gained from 16 clips on.
MERGE_UP_TO_LATENTS = 2048


class GenerationCancelled(MovaError):
    """Whoever asked for the clip no longer wants it."""


@dataclass(frozen=True, slots=True)
class Conditioning:
    """What a batch is generated from.

    Args:
        context: encoded prompts [B, K, W].
        negative_context: encoded negative prompts, of the same shape.
        condition: mask and condition latents [B, C', T, H, W].
        known_first_B: bool [B]: samples whose first latent frame is given and must come out exactly; None for none.
    """

    context: Tensor
    negative_context: Tensor
    condition: Tensor
    known_first_B: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Sampler:
    """Noise to latents.

    Args:
        model: towers and Bridge.
        schedule: noise levels of both modalities.
        guidance: scales.
        video_fps: pixel frames per second.
        boundary_ratio: share of the timesteps below which the low-noise expert works.
        cancelled: asked before each step; True ends the run.
        on_step: told after each step how many are done.
    """

    model: DualTower
    schedule: PairSchedule
    guidance: Guidance
    video_fps: float
    boundary_ratio: float
    cancelled: Callable[[], bool] = lambda: False
    on_step: Callable[[int], object] = lambda done: None

    @torch.no_grad()
    def sample(self, noise: LatentPair, conditioning: Conditioning) -> LatentPair:
        """Clean latents, float32.

        Raises:
            GenerationCancelled: `cancelled` said so.
            MovaError: the model's velocities are not finite.
        """
        timesteps = self.schedule.timesteps
        below = timesteps[:, 0] < self.boundary_ratio * TRAINING_STEPS
        handover = int(below.int().argmax()) if below.any() else self.schedule.steps

        def velocity_at(latents: LatentPair, step: int) -> LatentPair:
            if self.cancelled():
                raise GenerationCancelled(f"cancelled before step {step + 1} of {self.schedule.steps}")
            latents = replace(latents, video=self._with_known_first(latents.video, noise.video, conditioning, step))
            expert = EXPERTS[0] if step < handover else EXPERTS[1]
            velocity = self.velocity(latents, timesteps[step], conditioning, expert)
            self.on_step(step + 1)
            return velocity

        latents = integrate(noise, velocity_at, self.schedule)
        if not (latents.video.isfinite().all() and latents.audio.isfinite().all()):
            raise MovaError("the model's velocities are not finite: its weights are broken, or the scales too strong")
        return replace(latents, video=self._with_known_first(latents.video, noise.video, conditioning, None))

    def velocity(self, latents: LatentPair, timestep_2: Tensor, conditioning: Conditioning, expert: str) -> LatentPair:
        """Guided velocity of both modalities, float32, at one timestep each."""
        forwards = sorted(self.guidance.forwards, key=lambda forward: forward.bridge)
        merged = latents.video[:, 0].numel() <= MERGE_UP_TO_LATENTS
        velocities: dict[Forward, LatentPair] = {}
        for group in [forwards] if merged else [[forward] for forward in forwards]:
            velocities |= self._run(group, latents, timestep_2, conditioning, expert)
        return self.guidance.combine(velocities)

    def _run(
        self, group: list[Forward], latents: LatentPair, timestep_2: Tensor, conditioning: Conditioning, expert: str
    ) -> dict[Forward, LatentPair]:
        """Forwards as one batch, those without the Bridge first."""
        size, times = len(latents.video), len(group)
        alone = sum(not forward.bridge for forward in group)
        contexts = [conditioning.context if forward.text else conditioning.negative_context for forward in group]
        velocity = self.model(
            LatentPair(latents.video.repeat(times, 1, 1, 1, 1), latents.audio.repeat(times, 1, 1)),
            timestep_2.to(latents.video.device).expand(size * times, 2),
            conditioning.condition.repeat(times, 1, 1, 1, 1),
            torch.cat(contexts),
            expert=expert,
            video_fps=self.video_fps,
            bridge_scale=BRIDGE_OFF if alone == times else BridgeScale(first=alone * size),
        )
        pairs = zip(velocity.video.float().split(size), velocity.audio.float().split(size), strict=True)
        return {forward: LatentPair(*pair) for forward, pair in zip(group, pairs, strict=True)}

    def _with_known_first(self, video: Tensor, noise: Tensor, conditioning: Conditioning, step: int | None) -> Tensor:
        """The video with given first latent frames put in their place, at this step's noise level or (None) clean."""
        if conditioning.known_first_B is None:
            return video
        sigma = torch.zeros(()) if step is None else self.schedule.sigmas[step, 0]
        clean = conditioning.condition[:, -video.shape[1] :, :1].to(video.dtype)
        first = add_noise(clean, noise[:, :, :1], sigma.to(video.device).expand(len(video)))
        known = conditioning.known_first_B.view(-1, 1, 1, 1, 1)
        return torch.cat([torch.where(known, first, video[:, :, :1]), video[:, :, 1:]], dim=2)
