"""What a step minimises: the audio tower alone, or both towers and the Bridge.

An objective computes the losses of a step; it knows the batches and the params, the loop knows neither.
Shape suffix: B batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn

from mova_core.flow_matching.experts import BOUNDARY_RATIO, EXPERTS, expert_levels
from mova_core.model.towers.bridge import BridgeScale
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.params.model import LossParams
from mova_core.training.data.batches import AudioBatches, AudioPart, JointBatches, JointPart
from mova_core.training.data.read_ahead import PartOf
from mova_core.training.loss import PairLoss, audio_loss, pair_loss
from mova_core.training.strategy.micro_batch import MicroBatch


@dataclass(frozen=True, slots=True)
class ModalityLoss:
    """Loss and noise level of each sample; NaN where the sample's task does not count the modality's loss."""

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

    def validation(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Mean losses on the validation clips with noise that is always the same."""

    def clip_losses(self, model: nn.Module, device: torch.device, *, bridge: bool = True) -> Tensor:
        """Loss of each validation clip, [N], with the noise of `validation`; with the Bridge off where it is False."""


class AudioObjective:
    """Text to audio, the audio tower alone.

    Args:
        part_of: gives the part of a step that a micro-batch computes.
        batches: of the phase, for validation.
    """

    def __init__(self, part_of: PartOf[AudioPart], batches: AudioBatches) -> None:
        self._part_of, self._batches = part_of, batches

    def step_loss(self, model: nn.Module, step: int, micro_batch: MicroBatch) -> StepLoss:
        part = self._part_of(step, micro_batch)
        loss_B = _audio_loss(model, part, micro_batch.device)
        modality = ModalityLoss(loss_B.detach(), part.sigma_B.to(loss_B.device))
        return StepLoss(loss_B.mean(), {"audio": modality}, None)

    def validation(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        loss = float(self.clip_losses(model, device).mean())
        return {"loss": loss, "audio": loss}

    def clip_losses(self, model: nn.Module, device: torch.device, *, bridge: bool = True) -> Tensor:
        return torch.cat([_audio_loss(model, part, device) for part in self._batches.validation()])


class JointObjective:
    """Both towers and the Bridge; the two video experts take turns.

    Args:
        part_of: gives the part of a step that a micro-batch computes.
        batches: of the phase, for validation.
        weights: of the parts of the loss.
        video_fps: pixel frames per second.
        video_shift: sigma shift of the video.
    """

    def __init__(
        self,
        part_of: PartOf[JointPart],
        batches: JointBatches,
        weights: LossParams,
        video_fps: float,
        video_shift: float,
    ) -> None:
        self._part_of, self._batches = part_of, batches
        self._weights, self._video_fps, self._video_shift = weights, video_fps, video_shift

    def step_loss(self, model: nn.Module, step: int, micro_batch: MicroBatch) -> StepLoss:
        part = self._part_of(step, micro_batch)
        loss = self._loss(model, part, micro_batch.device)
        sigma_B2, learns_B2 = part.sigma_B2.to(micro_batch.device), part.learns_B2.to(micro_batch.device)
        modalities = {
            name: ModalityLoss(loss_B.detach().masked_fill(~learns_B2[:, column], torch.nan), sigma_B2[:, column])
            for column, (name, loss_B) in enumerate((("video", loss.video_B), ("audio", loss.audio_B)))
        }
        return StepLoss(loss.weighted(self._weights), modalities, part.expert)

    def validation(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Once per expert; each expert counts by its range of unshifted levels."""
        mean = {"loss": 0.0, "video": 0.0, "audio": 0.0}
        for expert in EXPERTS:
            held_out = list(self._batches.validation(expert))
            losses = [self._loss(model, part, device) for part in held_out]
            learns_B2 = torch.cat([part.learns_B2 for part in held_out]).to(device)
            loss = PairLoss(torch.cat([one.video_B for one in losses]), torch.cat([one.audio_B for one in losses]))
            low, high = expert_levels(expert, self._video_shift, BOUNDARY_RATIO)
            parts = {
                "loss": loss.weighted(self._weights),
                "video": loss.video_B[learns_B2[:, 0]].mean(),
                "audio": loss.audio_B[learns_B2[:, 1]].mean(),
            }
            for name, value in parts.items():
                mean[name] += (high - low) * float(value)
        return mean

    def clip_losses(self, model: nn.Module, device: torch.device, *, bridge: bool = True) -> Tensor:
        """Of both modalities by their weights, and of both experts by their ranges; what is given adds nothing."""
        losses = []
        for expert in EXPERTS:
            held_out = self._batches.validation(expert)
            parts = held_out if bridge else map(_without_bridge, held_out)
            found = [self._loss(model, part, device) for part in parts]
            low, high = expert_levels(expert, self._video_shift, BOUNDARY_RATIO)
            video_N = self._weights.video_weight * torch.cat([one.video_B for one in found])
            audio_N = self._weights.audio_weight * torch.cat([one.audio_B for one in found])
            losses.append((high - low) * (video_N + audio_N))
        return torch.stack(losses).sum(dim=0)

    def _loss(self, model: nn.Module, part: JointPart, device: torch.device) -> PairLoss:
        clean, noise = (LatentPair(*(half.to(device) for half in pair)) for pair in (part.clean, part.noise))
        loss = pair_loss(
            model,
            clean,
            noise,
            part.sigma_B2.to(device),
            part.condition.to(device),
            part.context.to(device),
            expert=part.expert,
            video_fps=self._video_fps,
            bridge_scale=BridgeScale(acts_B=part.bridge_mask_B.to(device)),
            first_latent_weight=self._weights.first_latent_weight,
        )
        learns_B2 = part.learns_B2.to(device)
        return PairLoss(loss.video_B * learns_B2[:, 0], loss.audio_B * learns_B2[:, 1])


def _without_bridge(part: JointPart) -> JointPart:
    return replace(part, bridge_mask_B=torch.zeros_like(part.bridge_mask_B))


def _audio_loss(model: nn.Module, part: AudioPart, device: torch.device) -> Tensor:
    sigma_B, context = part.sigma_B.to(device), part.context.to(device)
    return audio_loss(model, part.clean.to(device), part.noise.to(device), sigma_B, context)
