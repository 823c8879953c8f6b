"""The released video VAE (diffusers' AutoencoderKLWan) with MOVA's normalisation.

Latents are the mode of the posterior, normalised per channel: (z - mean) / std with the statistics of its config.
The VAE goes through a video in pieces and keeps what it saw of the last one on itself, so threads take turns.
Shape suffixes: B batch, N pixel frames, C latent channels, T latent frames, H W rows and columns.
Source: golden case `video_vae`.
"""

from threading import Lock

import torch
from diffusers import AutoencoderKLWan
from torch import Tensor

from mova_core.errors import ShapeError
from mova_core.model.execution_device import execution_device


class WanVideoVae:
    """Pixels to normalised latents and back."""

    def __init__(self, vae: AutoencoderKLWan) -> None:
        self.vae = vae
        shape = (1, vae.config.z_dim, 1, 1, 1)
        self.mean = torch.tensor(vae.config.latents_mean).view(shape)
        self.std = torch.tensor(vae.config.latents_std).view(shape)
        self._turn = Lock()

    def encode(self, pixels_B3NHW: Tensor) -> Tensor:
        """Pixels in -1..1 to normalised latents [B, C, T, H / 8, W / 8], float32.

        Raises:
            ShapeError: the number of frames is not 4k + 1.
        """
        if pixels_B3NHW.shape[2] % 4 != 1:
            raise ShapeError(f"video has {pixels_B3NHW.shape[2]} frames, expected 4k + 1")
        with self._turn:
            pixels = pixels_B3NHW.to(execution_device(self.vae), self.vae.dtype)
            mode = self.vae.encode(pixels).latent_dist.mode().float()
        return (mode - self.mean.to(mode.device)) / self.std.to(mode.device)

    def denormalise(self, latents_BCTHW: Tensor) -> Tensor:
        """Latents as the VAE knows them, float32."""
        latents = latents_BCTHW.float()
        return latents * self.std.to(latents.device) + self.mean.to(latents.device)

    def decode(self, latents_BCTHW: Tensor) -> Tensor:
        """Normalised latents to pixels in -1..1 [B, 3, N, H, W], float32."""
        raw = self.denormalise(latents_BCTHW)
        with self._turn:
            return self.vae.decode(raw.to(execution_device(self.vae), self.vae.dtype)).sample.float().clamp(-1, 1)
