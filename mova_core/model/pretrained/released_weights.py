"""Checks and fingerprints, without torch, the frozen components of a released model folder that encode clips.

They are `video_vae`, `audio_vae`, `text_encoder` and `tokenizer`; the towers need not be there. A missing or wrong part
is refused by its small files in the first second. A part's fingerprint is over all of its files' bytes.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from mova_core.errors import StaleError, UsageError
from mova_core.geometry import VIDEO_FRAMES_PER_LATENT, VIDEO_PIXELS_PER_LATENT, ClipGeometry
from mova_core.model.pretrained.index import NANO_CLASSES, read_json, refuse_pickles
from mova_core.storage.hashing import sha256_file, sha256_json

CODEC_PARTS = ("video_vae", "audio_vae")
TEXT_PARTS = ("text_encoder", "tokenizer")
CONFIG = {"tokenizer": "tokenizer.json"}  # the file that a part cannot be without, where it is not config.json


@dataclass(frozen=True, slots=True)
class ReleasedWeights:
    """A folder whose parts are all there."""

    folder: Path

    @classmethod
    def open(cls, folder: Path) -> "ReleasedWeights":
        """Look at a folder's small files.

        Raises:
            UsageError: no such folder, a part is missing, is of the nano preset, or holds a pickle.
        """
        if not folder.is_dir():
            raise UsageError(
                f"encode.weights is {folder}, which is no folder: expected a released model with "
                f"{', '.join(CODEC_PARTS + TEXT_PARTS)}"
            )
        for part in CODEC_PARTS + TEXT_PARTS:
            needed = CONFIG.get(part, "config.json")
            if not (folder / part / needed).is_file():
                raise UsageError(f"{folder} (encode.weights) has no {part} (no {part}/{needed}): fetch it again")
            if part != "tokenizer" and not any((folder / part).glob("*.safetensors")):
                raise UsageError(f"{folder / part} holds no safetensors weights: fetch it again")
            refuse_pickles(folder / part)
            class_name = read_json(folder / part / needed).get("_class_name")
            if class_name == NANO_CLASSES.get(part, ...):
                raise UsageError(
                    f"{folder} (encode.weights) holds the nano preset's {part} ({class_name}): expected a released one"
                )
        return cls(folder)

    def check_fits(self, geometry: ClipGeometry) -> None:
        """StaleError unless the VAEs make latents of the geometry's sizes, at its sample rate."""
        video, audio = (read_json(self.folder / part / "config.json") for part in CODEC_PARTS)
        sizes = {
            "video_vae, frames a latent": (video.get("scale_factor_temporal", 4), VIDEO_FRAMES_PER_LATENT),
            "video_vae, pixels a latent": (video.get("scale_factor_spatial", 8), VIDEO_PIXELS_PER_LATENT),
            "audio_vae, samples a latent": (math.prod(audio.get("encoder_rates", [0])), geometry.audio_hop),
            "audio_vae, samples a second": (audio.get("sample_rate"), geometry.audio_rate_hz),
        }
        for what, (got, expected) in sizes.items():
            if got != expected:
                raise StaleError(
                    f"{self.folder} (encode.weights): {what}: {got}, geometry {geometry.name} has {expected}: "
                    "these weights are of another model"
                )

    def clip_bytes(self, geometry: ClipGeometry) -> int:
        """Bytes of one clip's latents, without its contexts."""
        video, audio = (read_json(self.folder / part / "config.json") for part in CODEC_PARTS)
        canvas = max(geometry.canvases, key=lambda canvas: canvas.latent_height * canvas.latent_width)
        video_latents = video.get("z_dim", 16) * geometry.latent_frames * canvas.latent_height * canvas.latent_width
        return 4 * int(2 * video_latents + 2 * audio["latent_dim"] * geometry.audio_latents)

    def codec_fingerprint(self) -> str:
        """Of both VAEs; reads all their bytes."""
        return self._fingerprint(CODEC_PARTS)

    def text_fingerprint(self) -> str:
        """Of text encoder and tokenizer; reads all their bytes."""
        return self._fingerprint(TEXT_PARTS)

    def _fingerprint(self, parts: tuple[str, ...]) -> str:
        files = (path for part in parts for path in sorted((self.folder / part).rglob("*")) if path.is_file())
        return sha256_json([[path.relative_to(self.folder).as_posix(), sha256_file(path)] for path in files])
