"""The training loop that a user of PyTorch would write first: what our loop is measured against.

Forward, loss, backward, clipped gradients, AdamW, on whole batches made beforehand, with torch's own threads; no random
numbers, log, weight average or checkpoint.
Shape suffix: B batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mova_core.flow_matching import add_noise, velocity_target
from mova_core.flow_matching.schedule import TRAINING_STEPS
from mova_core.model.towers.bridge import BridgeScale
from mova_core.model.towers.dual_tower import DualTower, LatentPair
from mova_core.params import Params
from mova_core.params.model import LossParams, OptimizerParams
from mova_core.training.data.batches import AudioBatches, AudioPart, JointBatches, JointPart
from mova_core.training.optimizer import BETAS
from mova_core.training.strategy.micro_batch import MicroBatch

AUDIO_WEIGHT = LossParams().audio_weight
VIDEO_FPS = float(Params().clip_geometry.fps)


@dataclass(frozen=True, slots=True)
class Batch:
    """One step: what the model is called with, and the velocities that it should predict."""

    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    target: Tensor | LatentPair


def train_barely(towers: DualTower, batches: Sequence[Batch], count: int, optimizing: OptimizerParams) -> list[Tensor]:
    """Take `count` optimizer steps at one learning rate.

    Args:
        towers: trained in place: all of them, or the audio tower alone where the batches are audio alone.
        batches: taken in turn, again and again.
        count: optimizer steps.
        optimizing: learning rate, weight decay and norm of the clipped gradients.

    Returns:
        Loss of each step.
    """
    model = towers if isinstance(batches[0].target, LatentPair) else towers.audio_dit
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        parameters, lr=optimizing.lr, betas=BETAS, weight_decay=optimizing.weight_decay, fused=True
    )
    losses = []
    for step in range(count):
        losses.append(_backward(model, batches[step % len(batches)]))
        torch.nn.utils.clip_grad_norm_(parameters, optimizing.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return losses


def made_batches(batches: AudioBatches | JointBatches, steps: int) -> list[Batch]:
    """The whole batches that a phase takes in its first steps."""
    whole = MicroBatch(0, 1, torch.device("cpu"))
    return [_made(batches.part(step, whole)) for step in range(steps)]


def _backward(model: torch.nn.Module, batch: Batch) -> Tensor:
    velocity = model(*batch.arguments, **batch.options)
    if isinstance(batch.target, LatentPair):
        loss = F.mse_loss(velocity.video, batch.target.video)
        loss = loss + AUDIO_WEIGHT * F.mse_loss(velocity.audio, batch.target.audio)
    else:
        loss = F.mse_loss(velocity, batch.target)
    loss.backward()
    return loss.detach()


def _made(part: AudioPart | JointPart) -> Batch:
    if isinstance(part, AudioPart):
        noisy = add_noise(part.clean, part.noise, part.sigma_B)
        arguments = noisy, part.sigma_B * TRAINING_STEPS, part.context.contexts, part.context.of_B
        return Batch(arguments, {}, velocity_target(part.clean, part.noise))
    pairs = list(zip(part.clean, part.noise, strict=True))
    noisy = LatentPair(*(add_noise(*pair, part.sigma_B2[:, column]) for column, pair in enumerate(pairs)))
    options = {
        "expert": part.expert,
        "video_fps": VIDEO_FPS,
        "bridge_scale": BridgeScale(acts_B=part.bridge_mask_B),
        "context_of_B": part.context.of_B,
    }
    arguments = noisy, part.sigma_B2 * TRAINING_STEPS, part.condition, part.context.contexts
    return Batch(arguments, options, LatentPair(*(velocity_target(*pair) for pair in pairs)))
