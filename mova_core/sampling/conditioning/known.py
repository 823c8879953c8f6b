"""Latents that are known before a clip is generated and come out bit for bit.

At each step they stand at the step's noise level, from the clip's own noise, so that the model sees what it was trained
to see; at the end they are put back clean.
Shape suffixes: B batch, C channels, T latent frames, H W latent rows and columns, L audio latents.
Source: Lugmayr et al., arXiv:2201.09865 (without its resampling).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from mova_core.flow_matching import add_noise
from mova_core.model.towers.dual_tower import LatentPair


@dataclass(frozen=True, slots=True)
class KnownLatents:
    """Of one modality.

    Args:
        clean: latents [B, C, T, H, W] or [B, C, L]; any numbers where they are not known.
        where: bool, where they are known: [B, 1, T, 1, 1] or [B, 1, L].
    """

    clean: Tensor
    where: Tensor

    def on(self, latents: Tensor) -> "KnownLatents":
        """The same on the device of latents, in their dtype."""
        return KnownLatents(self.clean.to(latents), self.where.to(latents.device))

    def put_into(self, latents: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
        """The latents with what is known in its place, at this noise level, a number on the processor."""
        noisy = add_noise(self.clean, noise, torch.full((len(latents),), float(sigma), device=latents.device))
        return torch.where(self.where, noisy, latents)

    def put_back(self, latents: Tensor) -> Tensor:
        """The latents with what is known in its place, clean."""
        return torch.where(self.where, self.clean, latents)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a batch; None where nothing of a modality is."""

    video: KnownLatents | None = None
    audio: KnownLatents | None = None

    def on(self, latents: LatentPair) -> "Known":
        """The same on the device of latents, in their dtype, as what follows needs it."""
        video, audio = self.video and self.video.on(latents.video), self.audio and self.audio.on(latents.audio)
        return Known(video, audio)

    def put_into(self, latents: LatentPair, noise: LatentPair, sigma_2: Tensor) -> LatentPair:
        """The latents with what is known in its place, at these noise levels of video and audio."""
        video, audio = latents
        if self.video is not None:
            video = self.video.put_into(video, noise.video, sigma_2[0])
        if self.audio is not None:
            audio = self.audio.put_into(audio, noise.audio, sigma_2[1])
        return LatentPair(video, audio)

    def put_back(self, latents: LatentPair) -> LatentPair:
        """The latents with what is known in its place, clean."""
        video = latents.video if self.video is None else self.video.put_back(latents.video)
        return LatentPair(video, latents.audio if self.audio is None else self.audio.put_back(latents.audio))


NOTHING_KNOWN = Known()
