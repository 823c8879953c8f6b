"""What a phase starts from: the model that learns, on the meta device, and where each of its weights comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from mova_core.errors import StaleError
from mova_core.model.pretrained.index import read_json
from mova_core.model.towers.tower_configs import tower_configs
from mova_core.model.weights.blueprint import audio_blueprint, joint_blueprint
from mova_core.model.weights.fresh import FreshWeights
from mova_core.model.weights.stored import StoredWeights
from mova_core.params import Params
from mova_core.training.recipe import Phase
from mova_core.training.strategy.base import WeightSource

DATA_FIELDS = ("in_dim", "out_dim", "text_dim", "audio_fps")  # of a config: what the latents and their clock decide


@dataclass(frozen=True, slots=True)
class Start:
    """A model before its first step.

    Args:
        blueprint: the model on the meta device.
        weights: gives each of its weights.
    """

    blueprint: nn.Module
    weights: WeightSource


def start_of(phase: Phase, params: Params, folders: Mapping[str, Path | None], latents: Mapping[str, int]) -> Start:
    """The model of a phase.

    Args:
        phase: which.
        params: sizes and seed of fresh weights.
        folders: the model folder that each component's weights come from; None for fresh ones.
        latents: channels and width of what it is trained on, see `Batches.sizes`.

    Raises:
        UsageError, StaleError: weights that are not whole, or read latents of other widths.
    """
    fresh = tower_configs(params.train.model, {**params.latent_sizes, **latents}, phase.geometry(params))
    configs = {name: read_json(folder / name / "config.json") for name, folder in folders.items() if folder is not None}
    for name, config in configs.items():
        check_widths(f"{folders[name]}/{name}", config, fresh[name])
    chosen = fresh | configs
    blueprint = joint_blueprint(chosen) if phase.joint else audio_blueprint(chosen["audio_dit"])
    return Start(blueprint, _Weights(params.seed, blueprint, folders))


class _Weights:
    """Gives each weight from where its component comes from."""

    def __init__(self, seed: int, blueprint: nn.Module, folders: Mapping[str, Path | None]) -> None:
        self._fresh = FreshWeights(seed, blueprint)
        self._stored = {
            name: StoredWeights(folder / name, blueprint.get_submodule(name))
            for name, folder in folders.items()
            if folder is not None
        }

    def __call__(self, name: str) -> Tensor:
        component, _, rest = name.partition(".")
        return self._stored[component](rest) if component in self._stored else self._fresh(name)


def check_widths(component: str, config: Mapping[str, Any], needed: Mapping[str, Any]) -> None:
    """StaleError unless a tower reads latents and contexts, and the Bridge has the clock, that the data need."""
    for field in DATA_FIELDS:
        if (got := config.get(field)) != needed.get(field):
            raise StaleError(f"{component} has {field} {got}, the latents need {needed[field]}: another model")
