"""What makes latents and contexts of a clip: the frozen parts of a model, exactly as sampling calls them.

One clip and one text at a time, so that neither batches nor shards change a bit of them.
Shape suffixes: B batch, N pixel frames, H W rows and columns, S samples, C latent channels, T latent frames, L audio
latents, K tokens, W context width.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mova_core.curation.encode.latent_shards import TextContexts, Texts
from mova_core.errors import StaleError
from mova_core.geometry import ClipGeometry
from mova_core.media.audio.loudness import normalise_loudness
from mova_core.model.frozen import Frozen, load_frozen
from mova_core.model.pretrained.frozen_parts import FrozenParts


@dataclass(frozen=True, slots=True)
class ClipEncoder:
    """Normalised latents and contexts, float32, on the processor."""

    frozen: Frozen

    @property
    def context_width(self) -> int:
        """Numbers of a token's context."""
        return self.frozen.text.width

    @property
    def context_length(self) -> int:
        """Positions that the towers see of every text, padding included."""
        return self.frozen.text.max_tokens

    @torch.no_grad()
    def video(self, pixels_B3NHW: Tensor) -> Tensor:
        """Pixels in -1..1 to latents [B, C, T, h, w]."""
        return self.frozen.video.encode(pixels_B3NHW).cpu()

    @torch.no_grad()
    def audio(self, audio_BS: Tensor) -> Tensor:
        """Audio in -1..1 to latents [B, C, L]."""
        return self.frozen.audio.encode(audio_BS).cpu()

    def audio_and_levelled(
        self, audio_S: NDArray[np.float32], rate_hz: int, target_lufs: float
    ) -> tuple[Tensor, Tensor]:
        """Audio [S] in -1..1 to its latents [1, C, L], as it is and at the loudness `target_lufs`."""
        both = audio_S, normalise_loudness(audio_S, rate_hz, target_lufs)
        one, levelled = (self.audio(torch.from_numpy(audio)[None]) for audio in both)
        return one, levelled

    def context(self, text: str) -> Tensor:
        """The context [K, W] of a caption, to its last real token."""
        return self.frozen.text.encode_to_last_token(text).cpu()

    def contexts(self, texts: Sequence[Texts]) -> TextContexts:
        """Those of the captions of clips, each different one encoded once."""
        contexts = {text: self.context(text) for row in texts for text in row if text is not None}
        return TextContexts.gather(texts, contexts, self.context_width)


@dataclass(frozen=True, slots=True)
class EncoderFolder:
    """Where a clip encoder lies, and which one it must be.

    Args:
        parts: where it lies.
        device: where it computes.
        codec: fingerprint of the codecs.
        text_encoder: fingerprint of the text encoder.
    """

    parts: FrozenParts
    device: str
    codec: str
    text_encoder: str

    @classmethod
    def of(cls, parts: FrozenParts, geometry: ClipGeometry, device: str) -> "EncoderFolder":
        """Those of a folder; StaleError if they do not fit the geometry."""
        parts.check_fits(geometry)
        there = replace(parts, folder=parts.folder.resolve())
        return cls(there, device, parts.codec_fingerprint(), parts.text_fingerprint())

    def load(self) -> ClipEncoder:
        """The encoder, read once a process.

        Raises:
            StaleError: the folder holds another one by now.
        """
        return _load(self)


@lru_cache(maxsize=1)
def _load(source: EncoderFolder) -> ClipEncoder:
    encoder, parts = ClipEncoder(load_frozen(source.parts, source.device)), source.parts
    if (parts.codec_fingerprint(), parts.text_fingerprint()) != (source.codec, source.text_encoder):
        raise StaleError(f"the codecs in {parts.folder} changed while clips were being encoded: run it again")
    return encoder
