"""Nothing but training: what our loop is measured against.

Forward, loss, backward, clipped gradients, AdamW, on batches made beforehand; no draws, log, average or checkpoint.
The model computes as it does in ours: the shares of a batch side by side, a thread and a copy of the model each (why:
`mova_core/training/parallel.py`), so that the two differ in the loop alone.
Shape suffix: B batch.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mova_core.flow_matching import add_noise, velocity_target
from mova_core.flow_matching.schedule import TRAINING_STEPS
from mova_core.model.bridge import BridgeScale
from mova_core.model.dual_tower import DualTower, LatentPair
from mova_core.model.pretrained.index import BOUNDARY_RATIO
from mova_core.params.model import LossParams, OptimizerParams
from mova_core.training.draws import (
    Stream,
    draw_audio,
    draw_joint,
    expert_levels,
    expert_of,
    generator_of,
    rows_of,
    share_of,
)
from mova_core.training.objectives import AudioObjective, JointObjective
from mova_core.training.optimizers import BETAS

AUDIO_WEIGHT = LossParams().audio_weight


@dataclass(frozen=True, slots=True)
class Batch:
    """One share of a step: what the model is called with, and the velocities it should answer."""

    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    target: Tensor | LatentPair


def train_barely(
    towers: DualTower, steps: Sequence[Sequence[Batch]], count: int, optimizing: OptimizerParams
) -> list[Tensor]:
    """Take `count` optimizer steps at one learning rate.

    Args:
        towers: learn in place: all of them, or the audio tower alone where the batches are of sound alone.
        steps: shares of each step, gone through again and again.
        count: optimizer steps.
        optimizing: learning rate, weight decay and norm of the clipped gradients.

    Returns:
        Loss of each step.
    """
    joint = isinstance(steps[0][0].target, LatentPair)
    model = towers if joint else towers.audio_dit
    copies = [model] + [deepcopy(model) for _ in steps[0][1:]]
    parameters = [list(copy.parameters()) for copy in copies]
    for theirs in parameters[1:]:
        for one, shared in zip(theirs, parameters[0], strict=True):
            one.data = shared.data
    optimizer = torch.optim.AdamW(
        parameters[0], lr=optimizing.lr, betas=BETAS, weight_decay=optimizing.weight_decay, fused=True
    )
    losses = []
    with ThreadPoolExecutor(len(copies), initializer=torch.set_num_threads, initargs=(1,)) as threads:
        for step in range(count):
            losses.append(sum(threads.map(_backward, copies, steps[step % len(steps)])) / len(copies))
            _average(parameters)
            torch.nn.utils.clip_grad_norm_(parameters[0], optimizing.clip_norm)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    return losses


def made_batches(objective: AudioObjective | JointObjective, steps: int, shares: int) -> list[list[Batch]]:
    """The batches that the objective draws for its first steps."""
    make = _joint_batch if isinstance(objective, JointObjective) else _audio_batch
    return [[make(objective, step, index, shares) for index in range(shares)] for step in range(steps)]


def _backward(model: torch.nn.Module, batch: Batch) -> Tensor:
    velocity = model(*batch.arguments, **batch.options)
    if isinstance(batch.target, LatentPair):
        loss = F.mse_loss(velocity.video, batch.target.video)
        loss = loss + AUDIO_WEIGHT * F.mse_loss(velocity.audio, batch.target.audio)
    else:
        loss = F.mse_loss(velocity, batch.target)
    loss.backward()
    return loss.detach()


def _average(parameters: list[list[torch.nn.Parameter]]) -> None:
    """The mean of the copies' gradients on the first."""
    own = [one.grad for one in parameters[0] if one.grad is not None]
    for theirs in parameters[1:]:
        torch._foreach_add_(own, [one.grad for one in theirs if one.grad is not None])
        for one in theirs:
            one.grad = None
    torch._foreach_mul_(own, 1 / len(parameters))


def _audio_batch(objective: AudioObjective, step: int, index: int, shares: int) -> Batch:
    clips, params = objective.sets["train"], objective.params
    generator = generator_of(objective.seed, objective.phase, Stream.STEP, step)
    draws = share_of(draw_audio(params, params.batch, clips.audio.shape[1:], generator), index, shares)
    rows_B = rows_of(objective.seed, objective.phase, step, params.batch, len(clips))[index::shares]
    clean, sigma_B = clips.audio[rows_B], draws.audio_sigma_B
    context = clips.context(rows_B, draws.text_kept_B)
    noisy = add_noise(clean, draws.audio_noise, sigma_B)
    target = velocity_target(clean, draws.audio_noise)
    return Batch((noisy, sigma_B * TRAINING_STEPS, context.contexts, context.of_B), {}, target)


def _joint_batch(objective: JointObjective, step: int, index: int, shares: int) -> Batch:
    clips, params, expert = objective.sets["train"], objective.params, expert_of(step)
    generator = generator_of(objective.seed, objective.phase, Stream.STEP, step)
    shapes = clips.audio.shape[1:], clips.video.shape[1:]
    levels = expert_levels(expert, params.video_shift, BOUNDARY_RATIO)
    draws = share_of(draw_joint(params, params.batch, *shapes, levels, generator), index, shares)
    rows_B = rows_of(objective.seed, objective.phase, step, params.batch, len(clips))[index::shares]
    clean, context = clips.clean(rows_B), clips.context(rows_B, draws.text_kept_B)
    noisy = LatentPair(
        add_noise(clean.video, draws.video_noise, draws.video_sigma_B),
        add_noise(clean.audio, draws.audio_noise, draws.audio_sigma_B),
    )
    timestep_B2 = torch.stack([draws.video_sigma_B, draws.audio_sigma_B], dim=1) * TRAINING_STEPS
    condition = objective.first.condition(clean.video, draws.first_given_B)
    options = {
        "expert": expert,
        "video_fps": objective.video_fps,
        "bridge_scale": BridgeScale(acts_B=draws.bridge_on_B),
        "context_of_B": context.of_B,
    }
    target = LatentPair(
        velocity_target(clean.video, draws.video_noise), velocity_target(clean.audio, draws.audio_noise)
    )
    return Batch((noisy, timestep_B2, condition, context.contexts), options, target)
