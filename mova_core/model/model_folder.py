"""A model folder: every component of a MOVA, read and written in the layout of the released checkpoints.

Trained components (two video experts, audio tower, Bridge) are written from memory; frozen ones (codecs, text encoder,
tokenizer, scheduler) never change, so their files are copied, or written once from the nano codec.
The classes in the components' `config.json` say whether a folder is the nano preset's or a released one.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from mova_core.errors import StaleError
from mova_core.geometry import ClipGeometry
from mova_core.model.codecs.nano.codec import NanoCodec
from mova_core.model.dual_tower import DualTower
from mova_core.model.nano_folder import check_nano_text, nano_index, read_nano_codec, write_nano_parts
from mova_core.model.pretrained.index import (
    FROZEN_COMPONENTS,
    INDEX_FILE,
    NANO_CLASSES,
    TOWER_COMPONENTS,
    FolderIndex,
    read_json,
)
from mova_core.model.text.nano_text import NanoText
from mova_core.params.model import GenerateParams
from mova_core.storage.atomic_folder import atomic_folder

# How the public system names the classes of a released folder.
RELEASED_CLASSES: dict[str, list[str]] = {
    "video_dit": ["mova.diffusion.models.wan_video_dit", "WanModel"],
    "video_dit_2": ["mova.diffusion.models.wan_video_dit", "WanModel"],
    "audio_dit": ["mova.diffusion.models.wan_audio_dit", "WanAudioModel"],
    "dual_tower_bridge": ["mova.diffusion.models.interactionv2", "DualTowerConditionalBridge"],
    "scheduler": ["mova.diffusion.schedulers.flow_match_pair", "FlowMatchPairScheduler"],
}


class VideoCodec(Protocol):
    """Videos [B, 3, N, H, W] in -1..1 to normalised latents [B, C, T, h, w] and back, float32."""

    def encode(self, video: Tensor, /) -> Tensor: ...

    def decode(self, latents: Tensor, /) -> Tensor: ...


class AudioCodec(Protocol):
    """Latents [B, C, L] to waveforms [B, samples], float32."""

    def decode(self, latents_BCL: Tensor, samples: int, /) -> Tensor: ...


class TextEncoder(Protocol):
    """Prompts to contexts [B, K, W]."""

    @property
    def max_tokens(self) -> int: ...

    def count_tokens(self, prompt: str) -> int: ...

    def encode(self, prompts: list[str]) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class Components:
    """A whole model in memory.

    Args:
        towers: towers and Bridge, the trained components.
        video: video codec.
        audio: audio codec.
        audio_hop: samples per audio latent of that codec.
        text: text encoder with its tokenizer.
        index: fields of `model_index.json`.
        write_frozen: writes the frozen components into a folder being made.
    """

    towers: DualTower
    video: VideoCodec
    audio: AudioCodec
    audio_hop: int
    text: TextEncoder
    index: FolderIndex
    write_frozen: Callable[[Path], None]


def load_components(folder: Path, device: str | torch.device = "cpu") -> Components:
    """Read a model folder, released or ours, in evaluation mode; nano codecs and text stay on the processor.

    Raises:
        UsageError: a component is missing, or a pickle lies in the folder.
        StaleError: a file is damaged, or components do not belong together.
    """
    index = FolderIndex.read(folder)
    towers = DualTower.from_pretrained(folder).to(device)
    classes = {name: read_json(folder / name / "config.json").get("_class_name") for name in NANO_CLASSES}
    nano = {name: classes[name] == NANO_CLASSES[name] for name in NANO_CLASSES}
    if len(set(nano.values())) > 1:
        raise StaleError(f"{folder} mixes codecs and text encoder of the nano preset with released ones ({classes})")
    frozen = partial(_copy_frozen, folder)
    if nano["video_vae"]:
        check_nano_text(folder)
        codec = read_nano_codec(folder)
        return Components(towers, codec.video, codec.audio, codec.audio.hop_samples, NanoText(), index, frozen)
    return _released_components(folder, towers, index, frozen, device)


def nano_components(
    towers: DualTower,
    codec: NanoCodec,
    geometry: ClipGeometry,
    generate: GenerateParams,
    boundary_ratio: float,
    trained_on: Sequence[str] = (),
) -> Components:
    """A nano model of these towers and this codec.

    Args:
        towers: trained towers and Bridge.
        codec: codecs of the latents it was trained on.
        geometry: of the clips that it generates unless asked otherwise.
        generate: its defaults of generation.
        boundary_ratio: sigma in 0..1 below which the low-noise expert works.
        trained_on: phrases of its training captions.

    Raises:
        StaleError: the codec does not fit the geometry.
    """
    codec.check_fits(geometry)
    return Components(
        towers,
        codec.video,
        codec.audio,
        codec.audio.hop_samples,
        NanoText(),
        nano_index(geometry, generate, boundary_ratio, trained_on),
        partial(write_nano_parts, codec=codec),
    )


def save_components(components: Components, folder: Path, *, replace_old: bool = False) -> None:
    """Write a model folder, whole or not at all.

    Args:
        components: the model.
        folder: where to.
        replace_old: take the place of a folder that is there.

    Raises:
        UsageError: the place is taken, or cannot be written to.
    """
    with atomic_folder(folder, replace=replace_old) as temporary:
        components.towers.save_pretrained(temporary)
        for name in TOWER_COMPONENTS:
            _name_class(temporary / name / "config.json", components.index.fields[name][1])
        components.write_frozen(temporary)
        text = json.dumps(dict(components.index.fields), indent=2, ensure_ascii=False) + "\n"
        (temporary / INDEX_FILE).write_text(text, encoding="utf-8")


def with_released_names(components: Components) -> Components:
    """The same model under the class names of released folders, for tools that read those."""
    fields = dict(components.index.fields) | RELEASED_CLASSES
    return replace(components, index=replace(components.index, fields=fields))


def _released_components(
    folder: Path, towers: DualTower, index: FolderIndex, frozen: Callable[[Path], None], device: str | torch.device
) -> Components:
    # Imported here: only released folders need it, and it takes seconds.
    from mova_core.model.codecs.released_codecs import read_audio_vae, read_text, read_video_vae

    video, audio = read_video_vae(folder, device), read_audio_vae(folder, device)
    return Components(towers, video, audio, audio.vae.hop, read_text(folder, device), index, frozen)


def _copy_frozen(source: Path, folder: Path) -> None:
    for name in FROZEN_COMPONENTS:
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name)


def _name_class(config: Path, class_name: str) -> None:
    values = read_json(config) | {"_class_name": class_name}
    config.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
