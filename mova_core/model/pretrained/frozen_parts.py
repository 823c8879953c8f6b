"""The parts of a model that training does not change, looked at without torch: codecs, text encoder, scheduler.

They are `video_vae`, `audio_vae`, `text_encoder`, `tokenizer` (released only) and `scheduler` of a model folder, or of
one without towers, such as `mova fit_codec` writes. A missing or wrong part is refused by its small files in the first
second. Folders with equal fingerprints encode and decode alike: a nano part's config states its own, that of a released
part is over all of its files' bytes.
"""

import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.errors import StaleError, UsageError
from mova_core.geometry import VIDEO_FRAMES_PER_LATENT, VIDEO_PIXELS_PER_LATENT, ClipGeometry
from mova_core.model.pretrained.index import (
    DEFAULT_SHIFT,
    FROZEN_COMPONENTS,
    INDEX_FILE,
    NANO_CLASSES,
    read_json,
    refuse_pickles,
    scheduler_shift,
    write_scheduler,
)
from mova_core.params import Params
from mova_core.places import DataFolder
from mova_core.storage.hashing import sha256_file, sha256_json

CODEC_PARTS = ("video_vae", "audio_vae")
ENCODERS = (*CODEC_PARTS, "text_encoder")
# How the public system names the classes of a released folder's frozen parts.
RELEASED_CLASSES: dict[str, list[str]] = {
    "video_vae": ["diffusers", "AutoencoderKLWan"],
    "audio_vae": ["mova.diffusion.models.dac_vae", "DAC"],
    "text_encoder": ["transformers", "UMT5EncoderModel"],
    "tokenizer": ["transformers", "T5TokenizerFast"],
    "scheduler": ["mova.diffusion.schedulers.flow_match_pair", "FlowMatchPairScheduler"],
}


@dataclass(frozen=True, slots=True)
class FrozenParts:
    """A folder whose parts are all there.

    Args:
        folder: where they lie.
        nano: whether they are the nano preset's; else a released model's.
    """

    folder: Path
    nano: bool

    @classmethod
    def of(cls, params: Params, data: DataFolder) -> "FrozenParts":
        """Those that params name: of `encode.weights`, else the codec that the project fitted."""
        return cls.open(data.codec if params.encode.weights is None else Path(params.encode.weights))

    @classmethod
    def open(cls, folder: Path) -> "FrozenParts":
        """Look at a folder's small files.

        Raises:
            UsageError: no such folder, a part is missing, or holds a pickle.
            StaleError: parts of the nano preset beside released ones.
        """
        if not folder.is_dir():
            raise UsageError(
                f"{folder} is no folder, expected one with {', '.join(ENCODERS)}: run `mova fit_codec`, or name a "
                "released model in encode.weights (params.yaml)"
            )
        for part in ENCODERS:
            if not (folder / part / "config.json").is_file():
                raise UsageError(f"{folder} has no {part} (no {part}/config.json): fetch it again")
        classes = {part: read_json(folder / part / "config.json").get("_class_name") for part in ENCODERS}
        nano = {classes[part] == NANO_CLASSES[part] for part in ENCODERS}
        if len(nano) > 1:
            raise StaleError(
                f"{folder} mixes codecs and text encoder of the nano preset with released ones ({classes})"
            )
        parts = cls(folder, nano.pop())
        if not parts.nano and not (folder / "tokenizer" / "tokenizer.json").is_file():
            raise UsageError(f"{folder} has no tokenizer (no tokenizer/tokenizer.json): fetch it again")
        for part in CODEC_PARTS if parts.nano else ENCODERS:  # nano's text encoder is a seed
            if not any((folder / part).glob("*.safetensors")):
                raise UsageError(f"{folder / part} holds no safetensors weights: fetch it again")
        for part in FROZEN_COMPONENTS:
            refuse_pickles(folder / part)
        return parts

    @property
    def module(self) -> str:
        """The module with the classes that read them; its import takes seconds, which workers may share."""
        return "mova_core.model.nano_folder" if self.nano else "mova_core.model.codecs.released_codecs"

    def check_fits(self, geometry: ClipGeometry) -> None:
        """StaleError unless the codecs make latents of the geometry's sizes, at its sample rate."""
        video, audio = self._config("video_vae"), self._config("audio_vae")
        hop = audio["audio_hop"] if self.nano else math.prod(audio.get("encoder_rates", [0]))
        sizes = {
            "video_vae, frames a latent": (video.get("scale_factor_temporal", 4), VIDEO_FRAMES_PER_LATENT),
            "video_vae, pixels a latent": (video.get("scale_factor_spatial", 8), VIDEO_PIXELS_PER_LATENT),
            "audio_vae, samples a latent": (hop, geometry.audio_hop),
            "audio_vae, samples a second": (audio.get("sample_rate", geometry.audio_rate_hz), geometry.audio_rate_hz),
        }
        for what, (got, expected) in sizes.items():
            if got != expected:
                raise StaleError(
                    f"{self.folder}: {what}: {got}, geometry {geometry.name} has {expected}: these parts are of "
                    "another model"
                )

    def sizes(self) -> dict[str, int]:
        """Channels of the latents, and width of a context: `video`, `audio`, `text`."""
        keys = {"video_vae": "channels", "audio_vae": "channels", "text_encoder": "width"}
        if not self.nano:
            keys = {"video_vae": "z_dim", "audio_vae": "latent_dim", "text_encoder": "d_model"}
        return {part.partition("_")[0]: self._number(part, key) for part, key in keys.items()}

    def clip_bytes(self, geometry: ClipGeometry) -> int:
        """Bytes of one clip's latents, without its contexts."""
        sizes = self.sizes()
        canvas = max(geometry.canvases, key=lambda canvas: canvas.latent_height * canvas.latent_width)
        latent_frame = sizes["video"] * canvas.latent_height * canvas.latent_width
        frames = 2 * geometry.latent_frames + 1  # the clip, its condition, and the end of that on a last frame
        return 4 * (frames * latent_frame + 2 * sizes["audio"] * geometry.audio_latents)

    def codec_fingerprint(self) -> str:
        """Of both codecs; reads all bytes of released ones."""
        return self._fingerprint(CODEC_PARTS)

    def text_fingerprint(self) -> str:
        """Of text encoder and tokenizer; reads all bytes of released ones."""
        return self._fingerprint(("text_encoder", "tokenizer"))

    def index(self) -> dict[str, Any]:
        """What the folder's `model_index.json` says; of a released folder without one, the names of its classes."""
        path = self.folder / INDEX_FILE
        return RELEASED_CLASSES | (read_json(path) if path.is_file() else {})

    def shift(self) -> float:
        """Of the scheduler."""
        return scheduler_shift(self.folder) if (self.folder / "scheduler").is_dir() else DEFAULT_SHIFT

    def copy_to(self, folder: Path) -> None:
        """Copy the parts into a model folder that is being made."""
        for name in FROZEN_COMPONENTS:
            if (self.folder / name).is_dir():
                shutil.copytree(self.folder / name, folder / name)
        if not (folder / "scheduler").is_dir():
            write_scheduler(folder)

    def _config(self, part: str) -> dict[str, Any]:
        return read_json(self.folder / part / "config.json")

    def _number(self, part: str, key: str) -> int:
        if not isinstance(value := self._config(part).get(key), int):
            raise StaleError(f"{self.folder / part}/config.json has {key} {value!r}, expected a number: fetch it again")
        return value

    def _fingerprint(self, parts: tuple[str, ...]) -> str:
        if self.nano:
            return str(self._config(parts[0]).get("fingerprint"))
        files = (path for part in parts for path in sorted((self.folder / part).rglob("*")) if path.is_file())
        return sha256_json([[path.relative_to(self.folder).as_posix(), sha256_file(path)] for path in files])
