"""What a step minimises: the audio tower alone, or both towers and the Bridge.

An objective turns rows and draws into losses; it knows the data and the params, the loop knows neither.
Shape suffix: B batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from mova_core.model.audio_tower import AudioTower
from mova_core.model.bridge import BridgeScale
from mova_core.model.dual_tower import EXPERTS, DualTower, LatentPair
from mova_core.model.pretrained.index import BOUNDARY_RATIO
from mova_core.params.model import AudioPhaseParams, JointPhaseParams, LossParams
from mova_core.training.draws import (
    AudioDraws,
    JointDraws,
    Stream,
    draw_audio,
    draw_joint,
    expert_levels,
    expert_of,
    generator_of,
    rows_of,
    share_of,
)
from mova_core.training.latents import FirstFrames, LatentSet
from mova_core.training.loss import PairLoss, audio_loss, pair_loss
from mova_core.training.parallel import Share

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

    def trained(self, towers: DualTower) -> dict[str, nn.Module]:
        """The components that learn, by name."""

    def step_loss(self, towers: DualTower, step: int, share: Share) -> StepLoss:
        """Loss of one share of a training step's batch."""

    def validation(self, towers: DualTower, device: torch.device) -> dict[str, float] | None:
        """Mean losses on the validation clips with draws that are always the same; None without such clips."""


@dataclass(frozen=True, slots=True)
class AudioObjective:
    """Text to sound, the audio tower alone.

    Args:
        sets: clips by split.
        params: of the phase.
        seed: of everything drawn.
        phase: number of the phase.
    """

    sets: Mapping[str, LatentSet]
    params: AudioPhaseParams
    seed: int
    phase: int

    def trained(self, towers: DualTower) -> dict[str, nn.Module]:
        return {"audio_dit": towers.audio_dit}

    def step_loss(self, towers: DualTower, step: int, share: Share) -> StepLoss:
        clips, batch = self.sets["train"], self.params.batch
        generator = generator_of(self.seed, self.phase, Stream.STEP, step)
        draws = draw_audio(self.params, batch, clips.audio.shape[1:], generator)
        rows = rows_of(self.seed, self.phase, step, batch, len(clips))
        part = share_of(draws, share.index, share.count)
        return self._loss(towers.audio_dit, clips, rows[share.index :: share.count], part, share.device)

    def validation(self, towers: DualTower, device: torch.device) -> dict[str, float] | None:
        if (clips := self.sets.get("validation")) is None:
            return None
        rows = torch.arange(min(len(clips), VALIDATION_CLIPS))
        generator = generator_of(self.seed, self.phase, Stream.VALIDATION, 0)
        draws = draw_audio(self.params, len(rows), clips.audio.shape[1:], generator)
        loss = self._loss(towers.audio_dit, clips, rows, draws, device)
        return {"loss": float(loss.total), "audio": float(loss.total)}

    def _loss(
        self, tower: AudioTower, clips: LatentSet, rows_B: Tensor, draws: AudioDraws, device: torch.device
    ) -> StepLoss:
        context = clips.context(rows_B, draws.text_kept_B).to(device)
        sigma_B = draws.audio_sigma_B.to(device)
        loss_B = audio_loss(tower, clips.audio[rows_B].to(device), draws.audio_noise.to(device), sigma_B, context)
        return StepLoss(loss_B.mean(), {"audio": ModalityLoss(loss_B.detach(), sigma_B)}, None)


@dataclass(frozen=True, slots=True)
class JointObjective:
    """Both towers and the Bridge; the two video experts take turns.

    Args:
        sets: clips by split.
        params: of the phase.
        weights: of the parts of the loss.
        first: what conditions are made of.
        video_fps: pixel frames per second.
        seed: of everything drawn.
        phase: number of the phase.
    """

    sets: Mapping[str, LatentSet]
    params: JointPhaseParams
    weights: LossParams
    first: FirstFrames
    video_fps: float
    seed: int
    phase: int

    def trained(self, towers: DualTower) -> dict[str, nn.Module]:
        return dict(towers.named_children())

    def step_loss(self, towers: DualTower, step: int, share: Share) -> StepLoss:
        clips, batch, expert = self.sets["train"], self.params.batch, expert_of(step)
        generator = generator_of(self.seed, self.phase, Stream.STEP, step)
        draws = self._draw(clips, batch, expert, generator)
        rows = rows_of(self.seed, self.phase, step, batch, len(clips))
        part = share_of(draws, share.index, share.count)
        loss, sigma_B2 = self._loss(towers, clips, rows[share.index :: share.count], part, expert, share.device)
        modalities = {
            "video": ModalityLoss(loss.video_B.detach(), sigma_B2[:, 0]),
            "audio": ModalityLoss(loss.audio_B.detach(), sigma_B2[:, 1]),
        }
        return StepLoss(loss.weighted(self.weights), modalities, expert)

    def validation(self, towers: DualTower, device: torch.device) -> dict[str, float] | None:
        """Once per expert; each expert counts by its share of the levels."""
        if (clips := self.sets.get("validation")) is None:
            return None
        rows = torch.arange(min(len(clips), VALIDATION_CLIPS))
        mean = {"loss": 0.0, "video": 0.0, "audio": 0.0}
        for index, expert in enumerate(EXPERTS):
            generator = generator_of(self.seed, self.phase, Stream.VALIDATION, index)
            draws = self._draw(clips, len(rows), expert, generator)
            loss, _ = self._loss(towers, clips, rows, draws, expert, device)
            low, high = self._levels(expert)
            parts = {"loss": loss.weighted(self.weights), "video": loss.video_B.mean(), "audio": loss.audio_B.mean()}
            for name, value in parts.items():
                mean[name] += (high - low) * float(value)
        return mean

    def _levels(self, expert: str) -> tuple[float, float]:
        return expert_levels(expert, self.params.video_shift, BOUNDARY_RATIO)

    def _draw(self, clips: LatentSet, batch: int, expert: str, generator: torch.Generator) -> JointDraws:
        shapes = clips.audio.shape[1:], clips.video.shape[1:]
        return draw_joint(self.params, batch, *shapes, self._levels(expert), generator)

    def _loss(
        self, towers: DualTower, clips: LatentSet, rows_B: Tensor, draws: JointDraws, expert: str, device: torch.device
    ) -> tuple[PairLoss, Tensor]:
        clean = clips.clean(rows_B)
        condition = self.first.condition(clean.video, draws.first_given_B)
        sigma_B2 = torch.stack([draws.video_sigma_B, draws.audio_sigma_B], dim=1).to(device)
        loss = pair_loss(
            towers,
            LatentPair(clean.video.to(device), clean.audio.to(device)),
            LatentPair(draws.video_noise.to(device), draws.audio_noise.to(device)),
            sigma_B2,
            condition.to(device),
            clips.context(rows_B, draws.text_kept_B).to(device),
            expert=expert,
            video_fps=self.video_fps,
            bridge_scale=BridgeScale(acts_B=draws.bridge_on_B.to(device)),
            first_latent_weight=self.weights.first_latent_weight,
        )
        return loss, sigma_B2
