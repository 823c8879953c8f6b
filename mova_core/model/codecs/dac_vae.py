"""The audio VAE of released checkpoints: a DAC-shaped convolutional autoencoder, 48 kHz mono, one latent a hop.

Not causal. The latent is the mode (mean) of the posterior, not normalised. Keys are the released ones, in both weight
forms: with weight norm (`weight_g`, `weight_v`) or plain (`weight`); a loader takes either.
Shape suffixes: B batch, C channels, S samples, L latents.
Sources: Kumar et al., arXiv:2306.06546 (layers); HunyuanVideo-Foley (continuous latents); golden case `dac_vae`.
"""

import math
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import weight_norm

from mova_core.errors import ShapeError, UsageError
from mova_core.model.execution_device import execution_device
from mova_core.model.pretrained.component import Component, stored_tensors
from mova_core.model.pretrained.diffusers_import import apply_forward_hook, register_to_config


class Snake(nn.Module):
    """x + sin(a x)^2 / (a + 1e-9), one a per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.sin(self.alpha * x).pow(2) / (self.alpha + 1e-9)


class ResidualUnit(nn.Module):
    """Snake, dilated convolution of 7, snake, convolution of 1, added to the input."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            Snake(channels),
            nn.Conv1d(channels, channels, 7, dilation=dilation, padding=3 * dilation),
            Snake(channels),
            nn.Conv1d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class EncoderBlock(nn.Module):
    """Three residual units at the narrow width, then a strided convolution that doubles it."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            *(ResidualUnit(channels, dilation) for dilation in (1, 3, 9)),
            Snake(channels),
            nn.Conv1d(channels, 2 * channels, 2 * stride, stride, padding=math.ceil(stride / 2)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)


class DecoderBlock(nn.Module):
    """A transposed convolution that halves the width, then three residual units."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        up = nn.ConvTranspose1d(
            channels, channels // 2, 2 * stride, stride, padding=math.ceil(stride / 2), output_padding=stride % 2
        )
        self.block = nn.Sequential(
            Snake(channels), up, *(ResidualUnit(channels // 2, dilation) for dilation in (1, 3, 9))
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)


class Encoder(nn.Module):
    """Audio [B, 1, S] to features [B, latent_dim, L]."""

    def __init__(self, width: int, rates: tuple[int, ...], latent_dim: int) -> None:
        super().__init__()
        last = width * 2 ** len(rates)
        self.block = nn.Sequential(
            nn.Conv1d(1, width, 7, padding=3),
            *(EncoderBlock(width * 2**depth, rate) for depth, rate in enumerate(rates)),
            Snake(last),
            nn.Conv1d(last, latent_dim, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)


class Decoder(nn.Module):
    """Latents [B, latent_dim, L] to audio [B, 1, S] before tanh."""

    def __init__(self, latent_dim: int, width: int, rates: tuple[int, ...]) -> None:
        super().__init__()
        last = width // 2 ** len(rates)
        self.model = nn.Sequential(
            nn.Conv1d(latent_dim, width, 7, padding=3),
            *(DecoderBlock(width // 2**depth, rate) for depth, rate in enumerate(rates)),
            Snake(last),
            nn.Conv1d(last, 1, 7, padding=3),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.model(z)


class DacVae(Component):
    """The config fields are those of a released `audio_vae/config.json`.

    Raises:
        UsageError: a quantised (not continuous) model.
        ShapeError: encoder and decoder have different hops.
    """

    @register_to_config
    def __init__(
        self,
        encoder_dim: int,
        encoder_rates: tuple[int, ...],
        latent_dim: int,
        decoder_dim: int,
        decoder_rates: tuple[int, ...],
        sample_rate: int,
        continuous: bool = True,
        use_weight_norm: bool = False,
        n_codebooks: int = 9,
        codebook_size: int = 1024,
        codebook_dim: int = 8,
        quantizer_dropout: bool = False,
    ) -> None:
        super().__init__()
        if not continuous:
            raise UsageError("audio VAE config has continuous = false: MOVA's audio latents are continuous")
        if math.prod(encoder_rates) != math.prod(decoder_rates):
            raise ShapeError(
                f"audio VAE encodes by {math.prod(encoder_rates)} and decodes by {math.prod(decoder_rates)}"
            )
        self.hop = math.prod(encoder_rates)
        self.encoder = Encoder(encoder_dim, tuple(encoder_rates), latent_dim)
        self.quant_conv = nn.Conv1d(latent_dim, 2 * latent_dim, 1)
        self.post_quant_conv = nn.Conv1d(latent_dim, latent_dim, 1)
        self.decoder = Decoder(latent_dim, decoder_dim, tuple(decoder_rates))
        if use_weight_norm:
            for part in (self.encoder, self.decoder):
                for layer in part.modules():
                    if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
                        weight_norm(layer)

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> Any:
        """The VAE in a component folder; its keys say which weight form it has, whatever the config says."""
        stored = stored_tensors(Path(folder))
        options["use_weight_norm"] = any(key.endswith(".weight_g") for key in stored)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch's old weight norm is what the keys were written by
            return super().from_pretrained(folder, **options)

    def pad(self, audio_B1S: Tensor) -> Tensor:
        """Zeros on the right up to a whole number of hops."""
        return nn.functional.pad(audio_B1S, (0, -audio_B1S.shape[-1] % self.hop))

    @apply_forward_hook
    def encode(self, audio_B1S: Tensor) -> Tensor:
        """Latents of mono audio in -1..1, [B, latent_dim, L]: the posterior's mode; its variance is not worked out.

        Raises:
            ShapeError: not [B, 1, S].
        """
        if audio_B1S.ndim != 3 or audio_B1S.shape[1] != 1:
            raise ShapeError(f"audio has shape {tuple(audio_B1S.shape)}, expected [B, 1, S]")
        mean, _log_variance = self.quant_conv(self.encoder(self.pad(audio_B1S))).chunk(2, dim=1)
        return mean

    @apply_forward_hook
    def decode(self, latent_BCL: Tensor) -> Tensor:
        """Audio [B, 1, L × hop] in -1..1; longer than the clip by up to a hop, which the caller trims."""
        return torch.tanh(self.decoder(self.post_quant_conv(latent_BCL)))


class DacAudioVae:
    """Audio [B, S] to latents [B, C, L] and back to a given length, whatever the VAE's own dtype."""

    def __init__(self, vae: DacVae) -> None:
        self.vae = vae

    def encode(self, audio_BS: Tensor) -> Tensor:
        """Latents [B, C, ceil(S / hop)], float32: the mode, as the towers know it."""
        return self.vae.encode(audio_BS[:, None].to(execution_device(self.vae), self.vae.dtype)).float()

    def decode(self, latents_BCL: Tensor, samples: int) -> Tensor:
        """Audio [B, samples] in -1..1, float32; samples of the last hop beyond the clip are cut off.

        Raises:
            ShapeError: `samples` is not within the last hop.
        """
        longest = latents_BCL.shape[-1] * self.vae.hop
        if not longest - self.vae.hop < samples <= longest:
            raise ShapeError(f"{samples} samples asked of {latents_BCL.shape[-1]} latents of {self.vae.hop}")
        return self.vae.decode(latents_BCL.to(execution_device(self.vae), self.vae.dtype))[:, 0, :samples].float()
