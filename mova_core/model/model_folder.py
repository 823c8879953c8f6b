"""A model folder: every component of a MOVA, read and written in the layout of the released checkpoints.

Trained components (two video experts, audio tower, Bridge) are written from memory; frozen ones (codecs, text encoder,
tokenizer, scheduler) never change, so their files are copied.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from mova_core.geometry import ClipGeometry
from mova_core.model.frozen import Frozen, load_frozen
from mova_core.model.pretrained.frozen_parts import RELEASED_CLASSES, FrozenParts
from mova_core.model.pretrained.index import INDEX_FILE, TOWER_COMPONENTS, FolderIndex, read_json
from mova_core.model.towers.dual_tower import DualTower
from mova_core.params.model import GenerateParams
from mova_core.storage.atomic_folder import atomic_folder

TOWER_CLASSES = {
    "video_dit": ["mova_core.model.towers.video_tower", "VideoTower"],
    "video_dit_2": ["mova_core.model.towers.video_tower", "VideoTower"],
    "audio_dit": ["mova_core.model.towers.audio_tower", "AudioTower"],
    "dual_tower_bridge": ["mova_core.model.towers.bridge", "Bridge"],
}
# How the public system names them.
RELEASED_TOWER_CLASSES = {
    "video_dit": ["mova.diffusion.models.wan_video_dit", "WanModel"],
    "video_dit_2": ["mova.diffusion.models.wan_video_dit", "WanModel"],
    "audio_dit": ["mova.diffusion.models.wan_audio_dit", "WanAudioModel"],
    "dual_tower_bridge": ["mova.diffusion.models.interactionv2", "DualTowerConditionalBridge"],
}


@dataclass(frozen=True, slots=True)
class Components(Frozen):
    """A whole model in memory.

    Args:
        towers: towers and Bridge, the trained components.
        index: fields of `model_index.json`.
        parts: files of the frozen components.
    """

    towers: DualTower
    index: FolderIndex
    parts: FrozenParts


def load_components(folder: Path, device: str | torch.device = "cpu") -> Components:
    """Read a model folder, released or ours, in evaluation mode; nano codecs and text stay on the processor.

    Raises:
        UsageError: a component is missing, or a pickle lies in the folder.
        StaleError: a file is damaged, or components do not belong together.
    """
    index, parts = FolderIndex.read(folder), FrozenParts.open(folder)
    return _whole(DualTower.from_pretrained(folder).to(device), index, parts, device)


def new_components(
    towers: DualTower,
    parts: FrozenParts,
    geometry: ClipGeometry,
    generate: GenerateParams,
    boundary_ratio: float,
    trained_on: Sequence[str] = (),
) -> Components:
    """A model of these towers and frozen parts.

    Args:
        towers: trained towers and Bridge.
        parts: those whose latents and contexts it was trained on.
        geometry: of the clips that it generates unless asked otherwise.
        generate: its defaults of generation.
        boundary_ratio: sigma in 0..1 below which the low-noise expert works.
        trained_on: phrases of its training captions.

    Raises:
        StaleError: the codecs do not fit the geometry, or a file is damaged.
    """
    parts.check_fits(geometry)
    fields = parts.index()
    defaults = {"geometry": geometry.name, **fields.get("generate", {}), **generate.model_dump()}
    ours = {"boundary_ratio": boundary_ratio, "generate": defaults, "trained_on": list(trained_on)}
    index = FolderIndex({"_class_name": "MOVA", **fields, **TOWER_CLASSES, **ours}, parts.shift())
    return _whole(towers, index, parts, next(towers.parameters()).device)


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
        components.parts.copy_to(temporary)
        text = json.dumps(dict(components.index.fields), indent=2, ensure_ascii=False) + "\n"
        (temporary / INDEX_FILE).write_text(text, encoding="utf-8")


def with_released_names(components: Components) -> Components:
    """The same model under the class names of released folders, for tools that read those."""
    released = RELEASED_TOWER_CLASSES | {"scheduler": RELEASED_CLASSES["scheduler"]}
    return replace(components, index=replace(components.index, fields={**components.index.fields, **released}))


def _whole(towers: DualTower, index: FolderIndex, parts: FrozenParts, device: str | torch.device) -> Components:
    frozen = load_frozen(parts, device)
    return Components(frozen.video, frozen.audio, frozen.audio_hop, frozen.text, towers, index, parts)


def _name_class(config: Path, class_name: str) -> None:
    values = read_json(config) | {"_class_name": class_name}
    config.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
