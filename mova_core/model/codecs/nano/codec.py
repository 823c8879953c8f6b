"""Both nano codecs as one set of tensors.

The fingerprint is the sha256 of the tensors. It stands in the configs of a folder (`nano_folder.py`), is checked on
loading, and goes into every latent shard: latents can only be decoded by the codec that made them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from mova_core.model.codecs.nano.audio import NanoAudioCodec
from mova_core.model.codecs.nano.half_whitened_pca import HalfWhitenedPca
from mova_core.model.codecs.nano.video import NanoVideoCodec
from mova_core.model.tensor_digest import tensor_digest

TENSORS_OF_A_PART = ("mean", "basis", "divisor", "around")
TENSORS = tuple(
    f"{part}.{tensor}" for part in ("video_first", "video_rest", "audio_hop") for tensor in TENSORS_OF_A_PART
)


@dataclass(frozen=True, slots=True)
class NanoCodec:
    """The video and the audio codec of one fit."""

    video: NanoVideoCodec
    audio: NanoAudioCodec

    @property
    def fingerprint(self) -> str:
        """sha256 of every tensor, with its name and shape."""
        return tensor_digest(self.tensors())

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "NanoCodec":
        """The codec whose `tensors` these are."""
        mean, basis, divisor, around = (
            [tensors[name] for name in TENSORS if name.endswith(f".{tensor}")] for tensor in TENSORS_OF_A_PART
        )
        first, rest, hop = map(HalfWhitenedPca, mean, basis, divisor)
        return cls(NanoVideoCodec(first, rest, around[0], around[1]), NanoAudioCodec(hop, around[2]))

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by its name, one of `TENSORS`."""
        parts = (self.video.first, self.video.rest, self.audio.hop)
        arounds = (self.video.first_around, self.video.rest_around, self.audio.hop_around)
        values = (
            tensor
            for part, around in zip(parts, arounds, strict=True)
            for tensor in (part.mean_D, part.basis_CD, part.divisor_C, around)
        )
        return dict(zip(TENSORS, values, strict=True))
