"""Both nano codecs as one folder: `codec.safetensors` and, written after it, `config.json`.

The fingerprint is the sha256 of the tensors. It stands in config.json, is checked on loading, and goes into every
latent shard: latents can only be decoded by the codec that made them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from mova_core.errors import StaleError, UsageError
from mova_core.geometry import ClipGeometry
from mova_core.model.codecs.nano.audio import NanoAudioCodec
from mova_core.model.codecs.nano.half_whitened_pca import HalfWhitenedPca
from mova_core.model.codecs.nano.video import NanoVideoCodec
from mova_core.model.tensor_digest import tensor_digest
from mova_core.storage.atomic import write_bytes, write_text

TENSORS_FILE = "codec.safetensors"
CONFIG_FILE = "config.json"
FORMAT = "nano-codec/1"
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

    def check_fits(self, geometry: ClipGeometry) -> None:
        """StaleError unless this codec's hop is the geometry's."""
        if self.audio.hop_samples != geometry.audio_hop:
            raise StaleError(
                f"the codec was fitted at an audio hop of {self.audio.hop_samples} samples, geometry {geometry.name} "
                f"has {geometry.audio_hop}: fit it again with `mova fit_codec`"
            )

    def save(self, folder: Path, fitted_on: Mapping[str, Any]) -> None:
        """Write both files, each atomically; `fitted_on` says in config.json what the fit saw."""
        write_bytes(folder / TENSORS_FILE, safetensors.torch.save(self.tensors()))
        config = {
            "format": FORMAT,
            "channels": self.audio.hop.basis_CD.shape[0],
            "audio_hop": self.audio.hop_samples,
            "fingerprint": self.fingerprint,
            "fitted_on": dict(fitted_on),
        }
        write_text(folder / CONFIG_FILE, json.dumps(config, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "NanoCodec":
        """The codec of a folder that `save` wrote.

        Raises:
            UsageError: there is none.
            StaleError: the tensors do not have config.json's fingerprint, or another version wrote them.
        """
        try:
            config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
            tensors = safetensors.torch.load((folder / TENSORS_FILE).read_bytes())
        except FileNotFoundError as error:
            raise UsageError(f"{error.filename} is missing: fit the codec first, run `mova fit_codec`") from None
        except (ValueError, SafetensorError) as error:
            raise StaleError(f"{folder} holds no readable codec ({error}): run `mova fit_codec` again") from None
        if config.get("format") != FORMAT or set(tensors) != set(TENSORS):
            raise StaleError(f"{folder} holds format {config.get('format')!r}, expected {FORMAT}: run `mova fit_codec`")
        if (got := tensor_digest(tensors)) != config["fingerprint"]:
            raise StaleError(
                f"{folder}: the tensors have fingerprint {got[:12]}, config.json says {config['fingerprint'][:12]}: "
                "run `mova fit_codec` again"
            )
        return cls.from_tensors(tensors)

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
