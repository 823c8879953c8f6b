"""The flow-matching loss: how far the predicted velocities are from noise - clean, per sample and modality.

Shape suffixes: B batch; video [B, C, T, H, W], audio [B, C, L].
Source: MOVA report (arXiv:2602.08794) section 1: lambda_v |v_v - target_v|^2 + lambda_a |v_a - target_a|^2; golden case
`training`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mova_core.flow_matching import add_noise, velocity_target
from mova_core.flow_matching.schedule import TRAINING_STEPS
from mova_core.model.towers.bridge import BRIDGE_ON, BridgeScale
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.params.model import LossParams
from mova_core.training.curves import SIGMA_BINS
from mova_core.training.data.clips import BatchContext


@dataclass(frozen=True, slots=True)
class PairLoss:
    """Mean squared error of each sample's velocity, [B] each."""

    video_B: Tensor
    audio_B: Tensor

    def weighted(self, weights: LossParams) -> Tensor:
        """The number that is minimised."""
        return weights.video_weight * self.video_B.mean() + weights.audio_weight * self.audio_B.mean()


def audio_loss(
    tower: Callable[..., Tensor], clean: Tensor, noise: Tensor, sigma_B: Tensor, context: BatchContext
) -> Tensor:
    """Loss of the audio tower alone, [B].

    Args:
        tower: an `AudioTower`, bare or wrapped for several processes.
        clean: audio latents [B, C, L].
        noise: standard normal, same shape.
        sigma_B: noise levels.
        context: encoded texts.
    """
    velocity = tower(add_noise(clean, noise, sigma_B), sigma_B * TRAINING_STEPS, context.contexts, context.of_B)
    return _error_B(velocity, velocity_target(clean, noise))


def pair_loss(
    model: Callable[..., LatentPair],
    clean: LatentPair,
    noise: LatentPair,
    sigma_B2: Tensor,
    condition: Tensor,
    context: BatchContext,
    *,
    expert: str,
    video_fps: float,
    bridge_scale: BridgeScale = BRIDGE_ON,
    first_latent_weight: float = 1.0,
) -> PairLoss:
    """Loss of both modalities.

    Args:
        model: a `DualTower`, bare or wrapped for several processes.
        clean: latents.
        noise: standard normal, same shapes.
        sigma_B2: noise levels, column 0 video, 1 audio.
        condition: mask and condition latents of the video.
        context: encoded texts.
        expert: the video expert.
        video_fps: pixel frames per second.
        bridge_scale: strength of the Bridge, and for which samples.
        first_latent_weight: weight of the first latent frame against each of the others.
    """
    noisy = LatentPair(
        add_noise(clean.video, noise.video, sigma_B2[:, 0]), add_noise(clean.audio, noise.audio, sigma_B2[:, 1])
    )
    velocity = model(
        noisy,
        sigma_B2 * TRAINING_STEPS,
        condition,
        context.contexts,
        expert=expert,
        video_fps=video_fps,
        bridge_scale=bridge_scale,
        context_of_B=context.of_B,
    )
    weight_T = clean.video.new_ones(clean.video.shape[2])
    weight_T[0] = first_latent_weight
    return PairLoss(
        _error_B(velocity.video, velocity_target(clean.video, noise.video), weight_T),
        _error_B(velocity.audio, velocity_target(clean.audio, noise.audio)),
    )


def _error_B(velocity: Tensor, target: Tensor, weight_T: Tensor | None = None) -> Tensor:
    """Mean square of the difference, latent frames weighted (their mean weight taken as 1), float32."""
    square = (velocity.float() - target.float()).square()
    if weight_T is None:
        return square.flatten(1).mean(1)
    frames_BT = square.mean(dim=(1, 3, 4))
    return (frames_BT * weight_T).sum(1) / torch.sum(weight_T)


def per_bin(loss_B: Tensor, sigma_B: Tensor) -> list[float | None]:
    """Mean loss of the samples in each tenth of sigma; None for an empty one."""
    bins = (sigma_B * SIGMA_BINS).long().clamp(max=SIGMA_BINS - 1)
    sums = torch.zeros(SIGMA_BINS).index_add_(0, bins, loss_B.float())
    counts = torch.bincount(bins, minlength=SIGMA_BINS)
    return [total / count if count else None for total, count in zip(sums.tolist(), counts.tolist(), strict=True)]
