"""What a step minimises: the audio tower alone, or both towers and the Bridge.

An objective samples a step and computes its losses; it knows the data and the params, the loop knows neither.
Shape suffix: B batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from mova_core.flow_matching.experts import BOUNDARY_RATIO, EXPERTS, expert_levels, expert_of
from mova_core.model.bridge import BridgeScale
from mova_core.model.dual_tower import LatentPair
from mova_core.params.model import AudioPhaseParams, JointPhaseParams, LossParams
from mova_core.training.data import LatentSet
from mova_core.training.loss import PairLoss, audio_loss, pair_loss
from mova_core.training.step_sampling import (
    AudioStep,
    JointStep,
    Stream,
    batch_indices,
    generator_of,
    micro_batch_of,
    sample_audio_step,
    sample_joint_step,
)
from mova_core.training.strategy.micro_batch import MicroBatch

VALIDATION_CLIPS = 48  # the first so many, the same each time


@dataclass(frozen=True, slots=True)
class ModalityLoss:
    """Loss and noise level of each sample."""

    loss_B: Tensor
    sigma_B: Tensor


@dataclass(frozen=True, slots=True)
class StepLoss:
    """A step's result.

    Args:
        total: what is minimised.
        modalities: `video` and `audio`, or `audio` alone.
        expert: the video expert it went through, if any.
    """

    total: Tensor
    modalities: Mapping[str, ModalityLoss]
    expert: str | None


class Objective(Protocol):
    """One phase's loss."""

    def step_loss(self, model: nn.Module, step: int, micro_batch: MicroBatch) -> StepLoss:
        """Loss of one micro-batch of a training step."""

    def validation(self, model: nn.Module, device: torch.device) -> dict[str, float] | None:
        """Mean losses on the validation clips with noise that is always the same; None without such clips."""


@dataclass(frozen=True, slots=True)
class AudioObjective:
    """Text to audio, the audio tower alone.

    Args:
        sets: clips by split.
        params: of the phase.
        seed: of everything random.
        phase: number of the phase.
    """

    sets: Mapping[str, LatentSet]
    params: AudioPhaseParams
    seed: int
    phase: int

    def step_loss(self, model: nn.Module, step: int, micro_batch: MicroBatch) -> StepLoss:
        clips, batch = self.sets["train"], self.params.batch
        generator = generator_of(self.seed, self.phase, Stream.STEP, step)
        sample = sample_audio_step(self.params, batch, clips.audio.shape[1:], generator)
        indices = batch_indices(self.seed, self.phase, step, batch, len(clips))
        part = micro_batch_of(sample, micro_batch.rows)
        return self._loss(model, clips, indices[micro_batch.rows], part, micro_batch.device)

    def validation(self, model: nn.Module, device: torch.device) -> dict[str, float] | None:
        if (clips := self.sets.get("validation")) is None:
            return None
        rows = torch.arange(min(len(clips), VALIDATION_CLIPS))
        generator = generator_of(self.seed, self.phase, Stream.VALIDATION, 0)
        sample = sample_audio_step(self.params, len(rows), clips.audio.shape[1:], generator)
        loss = self._loss(model, clips, rows, sample, device)
        return {"loss": float(loss.total), "audio": float(loss.total)}

    def _loss(
        self, model: nn.Module, clips: LatentSet, rows_B: Tensor, sample: AudioStep, device: torch.device
    ) -> StepLoss:
        context = clips.context(rows_B, sample.text_mask_B).to(device)
        sigma_B = sample.audio_sigma_B.to(device)
        loss_B = audio_loss(model, clips.audio[rows_B].to(device), sample.audio_noise.to(device), sigma_B, context)
        return StepLoss(loss_B.mean(), {"audio": ModalityLoss(loss_B.detach(), sigma_B)}, None)


@dataclass(frozen=True, slots=True)
class JointObjective:
    """Both towers and the Bridge; the two video experts take turns.

    Args:
        sets: clips by split.
        params: of the phase.
        weights: of the parts of the loss.
        video_fps: pixel frames per second.
        seed: of everything random.
        phase: number of the phase.
    """

    sets: Mapping[str, LatentSet]
    params: JointPhaseParams
    weights: LossParams
    video_fps: float
    seed: int
    phase: int

    def step_loss(self, model: nn.Module, step: int, micro_batch: MicroBatch) -> StepLoss:
        clips, batch, expert = self.sets["train"], self.params.batch, expert_of(step)
        generator = generator_of(self.seed, self.phase, Stream.STEP, step)
        sample = self._sample(clips, batch, expert, generator)
        indices = batch_indices(self.seed, self.phase, step, batch, len(clips))
        part = micro_batch_of(sample, micro_batch.rows)
        loss, sigma_B2 = self._loss(model, clips, indices[micro_batch.rows], part, expert, micro_batch.device)
        modalities = {
            "video": ModalityLoss(loss.video_B.detach(), sigma_B2[:, 0]),
            "audio": ModalityLoss(loss.audio_B.detach(), sigma_B2[:, 1]),
        }
        return StepLoss(loss.weighted(self.weights), modalities, expert)

    def validation(self, model: nn.Module, device: torch.device) -> dict[str, float] | None:
        """Once per expert; each expert counts by its range of unshifted levels."""
        if (clips := self.sets.get("validation")) is None:
            return None
        rows = torch.arange(min(len(clips), VALIDATION_CLIPS))
        mean = {"loss": 0.0, "video": 0.0, "audio": 0.0}
        for index, expert in enumerate(EXPERTS):
            generator = generator_of(self.seed, self.phase, Stream.VALIDATION, index)
            sample = self._sample(clips, len(rows), expert, generator)
            loss, _ = self._loss(model, clips, rows, sample, expert, device)
            low, high = self._levels(expert)
            parts = {"loss": loss.weighted(self.weights), "video": loss.video_B.mean(), "audio": loss.audio_B.mean()}
            for name, value in parts.items():
                mean[name] += (high - low) * float(value)
        return mean

    def _levels(self, expert: str) -> tuple[float, float]:
        return expert_levels(expert, self.params.video_shift, BOUNDARY_RATIO)

    def _sample(self, clips: LatentSet, batch: int, expert: str, generator: torch.Generator) -> JointStep:
        shapes = clips.audio.shape[1:], clips.video.shape[1:]
        return sample_joint_step(self.params, batch, *shapes, self._levels(expert), generator)

    def _loss(
        self, model: nn.Module, clips: LatentSet, rows_B: Tensor, sample: JointStep, expert: str, device: torch.device
    ) -> tuple[PairLoss, Tensor]:
        clean = clips.clean(rows_B)
        condition = clips.condition(rows_B, sample.image_given_B)
        sigma_B2 = torch.stack([sample.video_sigma_B, sample.audio_sigma_B], dim=1).to(device)
        loss = pair_loss(
            model,
            LatentPair(clean.video.to(device), clean.audio.to(device)),
            LatentPair(sample.video_noise.to(device), sample.audio_noise.to(device)),
            sigma_B2,
            condition.to(device),
            clips.context(rows_B, sample.text_mask_B).to(device),
            expert=expert,
            video_fps=self.video_fps,
            bridge_scale=BridgeScale(acts_B=sample.bridge_mask_B.to(device)),
            first_latent_weight=self.weights.first_latent_weight,
        )
        return loss, sigma_B2
