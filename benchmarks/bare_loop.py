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
from mova_core.flow_matching.experts import BOUNDARY_RATIO, expert_levels, expert_of
from mova_core.flow_matching.schedule import TRAINING_STEPS
from mova_core.model.bridge import BridgeScale
from mova_core.model.dual_tower import DualTower, LatentPair
from mova_core.params.model import LossParams, OptimizerParams
from mova_core.training.objective import AudioObjective, JointObjective
from mova_core.training.optimizer import BETAS
from mova_core.training.step_sampling import (
    Stream,
    batch_indices,
    generator_of,
    sample_audio_step,
    sample_joint_step,
)

AUDIO_WEIGHT = LossParams().audio_weight


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


def made_batches(objective: AudioObjective | JointObjective, steps: int) -> list[Batch]:
    """The batches that the objective takes in its first steps."""
    if isinstance(objective, JointObjective):
        return [_joint_batch(objective, step) for step in range(steps)]
    return [_audio_batch(objective, step) for step in range(steps)]


def _backward(model: torch.nn.Module, batch: Batch) -> Tensor:
    velocity = model(*batch.arguments, **batch.options)
    if isinstance(batch.target, LatentPair):
        loss = F.mse_loss(velocity.video, batch.target.video)
        loss = loss + AUDIO_WEIGHT * F.mse_loss(velocity.audio, batch.target.audio)
    else:
        loss = F.mse_loss(velocity, batch.target)
    loss.backward()
    return loss.detach()


def _audio_batch(objective: AudioObjective, step: int) -> Batch:
    clips, params = objective.sets["train"], objective.params
    generator = generator_of(objective.seed, objective.phase, Stream.STEP, step)
    sample = sample_audio_step(params, params.batch, clips.audio.shape[1:], generator)
    rows_B = batch_indices(objective.seed, objective.phase, step, params.batch, len(clips))
    clean, sigma_B = clips.audio[rows_B], sample.audio_sigma_B
    context = clips.context(rows_B, sample.text_mask_B)
    noisy = add_noise(clean, sample.audio_noise, sigma_B)
    target = velocity_target(clean, sample.audio_noise)
    return Batch((noisy, sigma_B * TRAINING_STEPS, context.contexts, context.of_B), {}, target)


def _joint_batch(objective: JointObjective, step: int) -> Batch:
    clips, params, expert = objective.sets["train"], objective.params, expert_of(step)
    generator = generator_of(objective.seed, objective.phase, Stream.STEP, step)
    shapes = clips.audio.shape[1:], clips.video.shape[1:]
    levels = expert_levels(expert, params.video_shift, BOUNDARY_RATIO)
    sample = sample_joint_step(params, params.batch, *shapes, levels, generator)
    rows_B = batch_indices(objective.seed, objective.phase, step, params.batch, len(clips))
    clean, context = clips.clean(rows_B), clips.context(rows_B, sample.text_mask_B)
    noisy = LatentPair(
        add_noise(clean.video, sample.video_noise, sample.video_sigma_B),
        add_noise(clean.audio, sample.audio_noise, sample.audio_sigma_B),
    )
    timestep_B2 = torch.stack([sample.video_sigma_B, sample.audio_sigma_B], dim=1) * TRAINING_STEPS
    condition = clips.condition(rows_B, sample.image_given_B)
    options = {
        "expert": expert,
        "video_fps": objective.video_fps,
        "bridge_scale": BridgeScale(acts_B=sample.bridge_mask_B),
        "context_of_B": context.of_B,
    }
    target = LatentPair(
        velocity_target(clean.video, sample.video_noise), velocity_target(clean.audio, sample.audio_noise)
    )
    return Batch((noisy, timestep_B2, condition, context.contexts), options, target)
