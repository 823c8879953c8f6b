"""A model folder: every component of a MOVA, read and written in the layout of the released checkpoints.

Trained components (two video experts, audio tower, Bridge) are written from memory, or tensor by tensor from a folder;
frozen ones (codecs, text encoder, tokenizer, scheduler) never change, so their files are copied.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch

from mova_core.geometry import ClipGeometry
from mova_core.model.frozen import Frozen, load_frozen
from mova_core.model.pretrained.component import Component
from mova_core.model.pretrained.frozen_parts import RELEASED_CLASSES, FrozenParts
from mova_core.model.pretrained.index import INDEX_FILE, TOWER_COMPONENTS, FolderIndex, read_json
from mova_core.model.towers.dual_tower import DualTower
from mova_core.model.weights.blueprint import joint_blueprint
from mova_core.model.weights.stored import StoredWeights
from mova_core.model.weights.write import one_by_one, write_weights
from mova_core.params.generate import SamplingParams
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


def load_components(folder: Path, device: str | torch.device = "cpu", dtype: torch.dtype | None = None) -> Components:
    """Read a model folder, released or ours, in evaluation mode; nano codecs and text stay on the processor.

    Args:
        folder: where it lies.
        device: of the weights.
        dtype: of the towers and the Bridge; None: that of their files.

    Raises:
        UsageError: a component is missing, or a pickle lies in the folder.
        StaleError: a file is damaged, or components do not belong together.
    """
    index, parts = FolderIndex.read(folder), FrozenParts.open(folder)
    return _whole(DualTower.from_pretrained(folder, dtype).to(device), index, parts, device)


def modules_of(model: Components) -> dict[str, Any]:
    """The parts of a model under the names of their folders; of the codecs and the text encoder what has weights."""
    towers = {name: getattr(model.towers, name) for name in TOWER_COMPONENTS}
    frozen = {"video_vae": model.video, "audio_vae": model.audio, "text_encoder": model.text}
    return towers | {name: getattr(part, "vae", getattr(part, "encoder", part)) for name, part in frozen.items()}


def new_components(
    towers: DualTower,
    parts: FrozenParts,
    geometry: ClipGeometry,
    generate: SamplingParams,
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
    index = new_index(parts, geometry, generate, boundary_ratio, trained_on)
    return _whole(towers, index, parts, next(towers.parameters()).device)


def new_index(
    parts: FrozenParts,
    geometry: ClipGeometry,
    generate: SamplingParams,
    boundary_ratio: float,
    trained_on: Sequence[str] = (),
) -> FolderIndex:
    """What `model_index.json` says of such a model; arguments and errors as of `new_components`."""
    parts.check_fits(geometry)
    fields = parts.index()
    defaults = {
        "geometry": geometry.name,
        **fields.get("generate", {}),
        **generate.stored(),
    }
    ours = {"boundary_ratio": boundary_ratio, "generate": defaults, "trained_on": list(trained_on)}
    return FolderIndex({"_class_name": "MOVA", **fields, **TOWER_CLASSES, **ours}, parts.shift())


def save_components(components: Components, folder: Path, *, replace_old: bool = False) -> None:
    """Write the model folder of a model in memory; errors as of `write_model_folder`."""
    towers = components.towers.save_pretrained
    write_model_folder(folder, components.index, components.parts, towers, replace_old=replace_old)


def write_model_folder(
    folder: Path, index: FolderIndex, parts: FrozenParts, towers: Callable[[Path], None], *, replace_old: bool = False
) -> None:
    """Write a model folder, whole or not at all.

    Args:
        folder: where to.
        index: what `model_index.json` is to say.
        parts: whose files are copied.
        towers: writes the folders of the trained components into the one it is given.
        replace_old: take the place of a folder that is there.

    Raises:
        UsageError: the place is taken, or cannot be written to.
        DiskFull: there is no room for it.
    """
    with atomic_folder(folder, replace=replace_old) as temporary:
        towers(temporary)
        for name in TOWER_COMPONENTS:
            _name_class(temporary / name / "config.json", index.fields[name][1])
        parts.copy_to(temporary)
        text = json.dumps(dict(index.fields), indent=2, ensure_ascii=False) + "\n"
        (temporary / INDEX_FILE).write_text(text, encoding="utf-8")


def export_folder(folder: Path, out: Path) -> None:
    """Write a model folder anew under the names of released ones, one file of weights in memory at a time.

    Raises:
        UsageError: a component is missing, a pickle lies in the folder, or the place is taken.
        StaleError: a file is damaged, or weights do not fit their config.
        DiskFull: there is no room for it.
    """
    index, parts = FolderIndex.read(folder), FrozenParts.open(folder)
    write_model_folder(out, with_released_names(index), parts, partial(_copy_towers, folder))


def with_released_names(index: FolderIndex) -> FolderIndex:
    """The same under the class names of released folders, for tools that read those."""
    released = RELEASED_TOWER_CLASSES | {"scheduler": RELEASED_CLASSES["scheduler"]}
    return replace(index, fields={**index.fields, **released})


def _copy_towers(folder: Path, target: Path) -> None:
    blueprint = joint_blueprint({name: read_json(folder / name / "config.json") for name in TOWER_COMPONENTS})
    for name, component in blueprint.named_children():
        weights = StoredWeights(folder / name, component)
        cast(Component, component).write_config(target / name)
        write_weights(target / name, weights.sizes, one_by_one(weights))


def _whole(towers: DualTower, index: FolderIndex, parts: FrozenParts, device: str | torch.device) -> Components:
    frozen = load_frozen(parts, device)
    return Components(frozen.video, frozen.audio, frozen.audio_hop, frozen.text, towers, index, parts)


def _name_class(config: Path, class_name: str) -> None:
    values = read_json(config) | {"_class_name": class_name}
    config.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
