"""The frozen parts of a model in memory: both codecs and the text encoder, of whatever classes their configs name."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from mova_core.model.pretrained.frozen_parts import FrozenParts


class VideoCodec(Protocol):
    """Videos [B, 3, N, H, W] in -1..1 to normalised latents [B, C, T, h, w] and back, float32."""

    def encode(self, video: Tensor, /) -> Tensor: ...

    def decode(self, latents: Tensor, /) -> Tensor: ...


class AudioCodec(Protocol):
    """Waveforms [B, samples] to latents [B, C, L] and back, float32."""

    def encode(self, audio_BS: Tensor, /) -> Tensor: ...

    def decode(self, latents_BCL: Tensor, samples: int, /) -> Tensor: ...


class TextEncoder(Protocol):
    """Prompts to contexts [B, K, W]."""

    @property
    def max_tokens(self) -> int:
        """Positions of a context, and tokens of the longest prompt that is read whole."""
        ...

    @property
    def width(self) -> int:
        """Numbers of a token's context."""
        ...

    def count_tokens(self, prompt: str) -> int: ...

    def encode(self, prompts: list[str]) -> Tensor: ...

    def encode_to_last_token(self, prompt: str) -> Tensor:
        """The context [tokens, W] of one prompt without its padding, float32."""
        ...


@dataclass(frozen=True, slots=True)
class Frozen:
    """Codecs and text encoder.

    Args:
        video: video codec.
        audio: audio codec.
        audio_hop: samples per audio latent of that codec.
        text: text encoder with its tokenizer.
    """

    video: VideoCodec
    audio: AudioCodec
    audio_hop: int
    text: TextEncoder


def load_frozen(parts: FrozenParts, device: str | torch.device = "cpu") -> Frozen:
    """Read the parts in evaluation mode; nano's stay on the processor.

    Raises:
        UsageError, StaleError: a file is damaged, or parts do not belong together.
    """
    if parts.nano:
        from mova_core.model.nano_folder import read_nano_codec, read_nano_text

        codec = read_nano_codec(parts.folder)
        return Frozen(codec.video, codec.audio, codec.audio.hop_samples, read_nano_text(parts.folder))
    # Imported here: only released folders need it, and it takes seconds.
    from mova_core.model.codecs.released_codecs import read_audio_vae, read_text, read_video_vae

    audio = read_audio_vae(parts.folder, device)
    return Frozen(read_video_vae(parts.folder, device), audio, audio.vae.hop, read_text(parts.folder, device))
