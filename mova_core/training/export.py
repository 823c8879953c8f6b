"""A checkpoint of a run as a model folder, one file of weights in memory at a time.

Codecs and text encoder are those of the present params: a checkpoint that was trained with others is refused. Where
phase `audio` trained the audio tower alone, the other components are the fresh ones that it leaves to phase 1.
"""

from functools import partial
from pathlib import Path
from typing import Any, cast

import torch

from mova_core.errors import StaleError
from mova_core.flow_matching import BOUNDARY_RATIO
from mova_core.model.model_folder import new_index, with_released_names, write_model_folder
from mova_core.model.pretrained.component import Component
from mova_core.model.pretrained.frozen_parts import FrozenParts
from mova_core.model.pretrained.index import read_json
from mova_core.model.towers.tower_configs import Configs, tower_configs
from mova_core.model.weights.blueprint import joint_blueprint
from mova_core.model.weights.fresh import FreshWeights
from mova_core.model.weights.write import one_by_one, write_weights
from mova_core.params import Params
from mova_core.places import DataFolder
from mova_core.storage.manifest import MANIFEST_FILE
from mova_core.training.checkpoints.checkpoint import Checkpoint
from mova_core.training.checkpoints.weights import CONFIG_FILE, write_components
from mova_core.training.recipe import Phase, phase_named
from mova_core.training.start import check_widths


def write_model(
    checkpoint: Checkpoint,
    kind: str,
    params: Params,
    parts: FrozenParts,
    target: Path,
    *,
    released_names: bool = False,
    replace_old: bool = False,
) -> None:
    """Write the model of a checkpoint as a model folder, whole or not at all.

    Args:
        checkpoint: read and verified.
        kind: "ema" for the averaged weights, "model" for those that learn.
        params: all sections.
        parts: codecs and text encoder, see `parts_of`.
        target: the folder to write.
        released_names: name classes as released folders do.
        replace_old: take the place of a folder that is there.

    Raises:
        UsageError: the place is taken.
        DiskFull: there is no room for it.
    """
    geometry, known = _phase_of(checkpoint).geometry(params), known_to(checkpoint)
    index = new_index(parts, geometry, params.generate, BOUNDARY_RATIO, known)
    towers = partial(write_towers, checkpoint, kind, params, parts)
    write_model_folder(
        target, with_released_names(index) if released_names else index, parts, towers, replace_old=replace_old
    )


def parts_of(checkpoint: Checkpoint, params: Params, data: DataFolder) -> FrozenParts:
    """The present codecs and text encoder.

    Raises:
        UsageError: there are none.
        StaleError: the checkpoint was trained with others.
    """
    parts, phase = FrozenParts.of(params, data), _phase_of(checkpoint)
    present = parts.codec_fingerprint()
    if (trained_with := _run_manifest(checkpoint).get("inputs", {}).get("codec", present)) != present:
        raise StaleError(
            f"{checkpoint.folder} was trained with codec {str(trained_with)[:12]}, {parts.folder} is now "
            f"{present[:12]}: run `mova train {phase.name}` again"
        )
    needed = _configs(phase, params, parts)
    for config in sorted(checkpoint.folder.glob(f"*/{CONFIG_FILE}")):
        check_widths(str(config.parent), read_json(config), needed[config.parent.name])
    return parts


def known_to(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Phrases of the captions that it was trained on; none before its run is finished."""
    return tuple(_run_manifest(checkpoint).get("trained_on", ()))


def write_towers(checkpoint: Checkpoint, kind: str, params: Params, parts: FrozenParts, folder: Path) -> None:
    """Write the folders of all trained components into one that is being made; arguments as of `write_model`."""
    write_components(checkpoint, kind, folder)
    phase = _phase_of(checkpoint)
    blueprint = joint_blueprint(_configs(phase, params, parts))
    fresh = FreshWeights(params.seed, blueprint)
    for name, component in blueprint.named_children():
        if name not in phase.trains:
            cast(Component, component).write_config(folder / name)
            sizes = {each: parameter.data for each, parameter in component.named_parameters()}
            write_weights(folder / name, sizes, one_by_one(partial(_within, fresh, name)))


def _within(fresh: FreshWeights, component: str, name: str) -> torch.Tensor:
    return fresh(f"{component}.{name}")


def _phase_of(checkpoint: Checkpoint) -> Phase:
    return phase_named(checkpoint.manifest.phase)


def _configs(phase: Phase, params: Params, parts: FrozenParts) -> Configs:
    return tower_configs(params.train.model, parts.sizes(), phase.geometry(params))


def _run_manifest(checkpoint: Checkpoint) -> dict[str, Any]:
    """What stands in that of the checkpoint's run; nothing before the run is finished."""
    path = checkpoint.folder.parent.parent / MANIFEST_FILE
    return read_json(path) if path.is_file() else {}
