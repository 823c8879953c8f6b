"""One tower of a model by itself, called as both are: for a clip that has one modality alone."""

from typing import Any

import torch
from torch import Tensor, nn

from mova_core.model.towers.dual_tower import ContextPair, DualTower, LatentPair
from mova_core.params.model import Modality


class OneTower(nn.Module):
    """The tower of one modality; the other one is never run.

    Args:
        towers: of the model.
        modality: whose tower it is.
    """

    def __init__(self, towers: DualTower, modality: Modality) -> None:
        super().__init__()
        self.towers, self.modality = towers, modality

    def forward(
        self,
        noisy: LatentPair,
        timestep_B2: Tensor,
        condition: Tensor,
        context: Tensor | ContextPair,
        *,
        expert: str,
        **_: Any,
    ) -> LatentPair:
        """Velocity of the modality as `DualTower` gives it without the Bridge, and zeros for the other one."""
        texts = context if isinstance(context, ContextPair) else ContextPair(context, context)
        if self.modality == "audio":
            velocity = self.towers.audio_dit(noisy.audio, timestep_B2[:, 1], texts.audio)
            return LatentPair(torch.zeros_like(noisy.video), velocity)
        with_condition = torch.cat([noisy.video, condition.to(noisy.video.dtype)], dim=1)
        velocity = self.towers.video_expert(expert)(with_condition, timestep_B2[:, 0], texts.video)
        return LatentPair(velocity, torch.zeros_like(noisy.audio))
