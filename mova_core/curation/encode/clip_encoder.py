"""What makes latents and contexts of a clip: the nano codecs, or the VAEs and text encoder of a released folder.

One clip and one text at a time, so that neither batches nor shards change a bit of them.
Shape suffixes: B batch, N pixel frames, H W rows and columns, S samples, C latent channels, T latent frames, L audio
latents, K tokens, W context width.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

import torch
from torch import Tensor

from mova_core.errors import StaleError
from mova_core.geometry import ClipGeometry
from mova_core.model.codecs.nano.codec import NanoCodec
from mova_core.model.pretrained.released_weights import ReleasedWeights
from mova_core.model.text.nano_encoder import TEXT_WIDTH, NanoTextEncoder
from mova_core.model.text.prompt import NANO_CONTEXT_LENGTH


class ClipEncoder(Protocol):
    """Normalised latents and contexts, float32, on the processor."""

    @property
    def context_width(self) -> int: ...

    @property
    def context_length(self) -> int:
        """Positions that the towers see of every text, padding included."""
        ...

    def video(self, pixels_B3NHW: Tensor) -> Tensor:
        """Pixels in -1..1 to latents [B, C, T, h, w]."""
        ...

    def audio(self, audio_BS: Tensor) -> Tensor:
        """Audio in -1..1 to latents [B, C, L]."""
        ...

    def context(self, text: str) -> Tensor:
        """The context [K, W] of a caption, to its last real token."""
        ...


@dataclass(frozen=True, slots=True)
class EncoderFolder:
    """Where a clip encoder lies, and which one it must be.

    Args:
        kind: of the nano preset, or of a released model.
        folder: where it lies.
        device: where it computes.
        codec: fingerprint of the codecs.
        text_encoder: fingerprint of the text encoder.
    """

    kind: Literal["nano", "released"]
    folder: Path
    device: str
    codec: str
    text_encoder: str

    @classmethod
    def nano(cls, folder: Path, geometry: ClipGeometry) -> "EncoderFolder":
        """The nano preset's; UsageError or StaleError as `NanoCodec.load`, StaleError if it does not fit."""
        codec = NanoCodec.load(folder)
        codec.check_fits(geometry)
        return cls("nano", folder.resolve(), "cpu", codec.fingerprint, NanoTextEncoder().fingerprint)

    @classmethod
    def released(cls, folder: Path, geometry: ClipGeometry, device: str) -> "EncoderFolder":
        """A released folder's; UsageError as `ReleasedWeights.open`, StaleError if it does not fit."""
        weights = ReleasedWeights.open(folder)
        weights.check_fits(geometry)
        return cls("released", folder.resolve(), device, weights.codec_fingerprint(), weights.text_fingerprint())

    def load(self) -> ClipEncoder:
        """The encoder, read once a process.

        Raises:
            StaleError: the folder holds another one by now.
        """
        return _load(self)


@lru_cache(maxsize=1)
def _load(source: EncoderFolder) -> ClipEncoder:
    encoder: ClipEncoder
    if source.kind == "nano":
        nano = NanoClipEncoder(NanoCodec.load(source.folder), NanoTextEncoder())
        encoder, codec, text = nano, nano.codec.fingerprint, nano.text.fingerprint
    else:
        weights = ReleasedWeights.open(source.folder)
        codec, text = weights.codec_fingerprint(), weights.text_fingerprint()
        encoder = ReleasedClipEncoder(source.folder, source.device)
    if (codec, text) != (source.codec, source.text_encoder):
        raise StaleError(f"the codecs in {source.folder} changed while clips were being encoded: run it again")
    return encoder


@dataclass(frozen=True, slots=True)
class NanoClipEncoder:
    """The fitted codecs, and the frozen table of bytes."""

    codec: NanoCodec
    text: NanoTextEncoder
    context_width: int = TEXT_WIDTH
    context_length: int = NANO_CONTEXT_LENGTH

    def video(self, pixels_B3NHW: Tensor) -> Tensor:
        return self.codec.video.encode(pixels_B3NHW)

    def audio(self, audio_BS: Tensor) -> Tensor:
        return self.codec.audio.encode(audio_BS)

    def context(self, text: str) -> Tensor:
        return self.text.encode(text)


class ReleasedClipEncoder:
    """Wan VAE, DAC VAE and UMT5, exactly as sampling calls them."""

    def __init__(self, folder: Path, device: str) -> None:
        from mova_core.model.codecs.released_codecs import read_audio_vae, read_text, read_video_vae

        self.video_vae = read_video_vae(folder, device)
        self.audio_vae = read_audio_vae(folder, device)
        self.text = read_text(folder, device)
        self.context_width, self.context_length = self.text.width, self.text.max_tokens

    @torch.no_grad()
    def video(self, pixels_B3NHW: Tensor) -> Tensor:
        return self.video_vae.encode(pixels_B3NHW).cpu()

    @torch.no_grad()
    def audio(self, audio_BS: Tensor) -> Tensor:
        return self.audio_vae.encode(audio_BS).cpu()

    def context(self, text: str) -> Tensor:
        return self.text.encode_to_last_token(text).cpu()
