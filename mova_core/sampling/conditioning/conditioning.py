"""What a batch of clips is generated from, as the towers read it.

Shape suffixes: B batch, C channels, T latent frames, H W latent rows and columns, K context positions, W text width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from mova_core.flow_matching.schedule import TRAINING_STEPS
from mova_core.model.towers.dual_tower import ContextPair, LatentPair
from mova_core.sampling.conditioning.known import NOTHING_KNOWN, Known
from mova_core.sampling.guidance import GuidanceBranch


@dataclass(frozen=True, slots=True)
class Conditioning:
    """What a batch is generated from.

    Args:
        context: encoded prompts [B, K, W].
        negative_context: encoded negative prompts, of the same shape.
        audio_negative_context: those of the audio tower, where they are others than the video's; None for the same.
        condition: mask and condition latents [B, C', T, H, W].
        known: latents that must come out exactly, such as those of given first frames.
        video: clean latents of a given video, at noise level 0 in every step; None where it is generated.
        audio: the same of a given audio.
    """

    context: Tensor
    negative_context: Tensor
    condition: Tensor
    known: Known = NOTHING_KNOWN
    video: Tensor | None = None
    audio: Tensor | None = None
    audio_negative_context: Tensor | None = None

    def generated(self, timestep_2: Tensor) -> dict[str, float]:
        """Noise level of each modality that is not given, by its name."""
        levels = dict(zip(LatentPair._fields, (timestep_2 / TRAINING_STEPS).tolist(), strict=True))
        return {modality: level for modality, level in levels.items() if getattr(self, modality) is None}

    def to(self, device: torch.device | str) -> "Conditioning":
        """The same with every tensor but the known latents on a device."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        moved: dict[str, Any] = {name: each.to(device) for name, each in values.items() if isinstance(each, Tensor)}
        return replace(self, **moved)

    def contexts(self, branches: Sequence[GuidanceBranch]) -> Tensor | ContextPair:
        """The text of each branch, one after the other, [branches x B, K, W]; a pair where the towers' differ."""
        video = torch.cat([self.context if branch.text else self.negative_context for branch in branches])
        if (negative := self.audio_negative_context) is None:
            return video
        return ContextPair(video, torch.cat([self.context if branch.text else negative for branch in branches]))
