"""What a phase starts from: the model that learns, on the meta device, and where each of its weights comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from mova_core.errors import StaleError
from mova_core.geometry import VIDEO_FRAMES_PER_LATENT
from mova_core.model.dual_tower import VIDEO_COMPONENTS
from mova_core.model.pretrained.index import read_json
from mova_core.model.tower_configs import tower_configs
from mova_core.model.weights.blueprint import audio_blueprint, joint_blueprint
from mova_core.model.weights.fresh import FreshWeights
from mova_core.model.weights.stored import StoredWeights
from mova_core.params import Params
from mova_core.training.recipe import Phase
from mova_core.training.strategy.base import WeightSource


@dataclass(frozen=True, slots=True)
class Start:
    """A model before its first step.

    Args:
        blueprint: the model on the meta device.
        weights: gives each of its weights.
    """

    blueprint: nn.Module
    weights: WeightSource


def start_of(phase: Phase, params: Params, folder: Path | None, latents: Mapping[str, int]) -> Start:
    """The model of a phase.

    Args:
        phase: which.
        params: sizes and seed of fresh weights.
        folder: the model folder that the weights come from; None for fresh ones.
        latents: channels and width of what it is trained on, see `Batches.sizes`.

    Raises:
        UsageError, StaleError: weights that are not whole, or read latents of other widths.
    """
    if folder is None:
        sizes = {**params.latent_sizes, **latents}
        configs = tower_configs(params.train.model, sizes, phase.geometry(params))
    else:
        configs = {name: read_json(folder / name / "config.json") for name in phase.trains}
        _check_widths(folder, configs, latents)
    blueprint = joint_blueprint(configs) if phase.joint else audio_blueprint(configs["audio_dit"])
    if folder is None:
        return Start(blueprint, FreshWeights(params.seed, blueprint))
    return Start(blueprint, _Stored(folder, blueprint))


class _Stored:
    """Weights of all components of a model folder."""

    def __init__(self, folder: Path, blueprint: nn.Module) -> None:
        components = blueprint.named_children()
        self._components = {name: StoredWeights(folder / name, component) for name, component in components}

    def __call__(self, name: str) -> Tensor:
        component, _, rest = name.partition(".")
        return self._components[component](rest)


def _check_widths(folder: Path, configs: Mapping[str, Mapping[str, Any]], latents: Mapping[str, int]) -> None:
    """StaleError unless the weights read latents and contexts of these widths."""
    audio, text = latents["audio"], latents["text"]
    expected = {"audio_dit": {"in_dim": audio, "out_dim": audio, "text_dim": text}}
    if (video := latents.get("video")) is not None:
        of_video = {"in_dim": 2 * video + VIDEO_FRAMES_PER_LATENT, "out_dim": video, "text_dim": text}
        expected |= dict.fromkeys(VIDEO_COMPONENTS, of_video)
    for name, sizes in expected.items():
        for field, size in sizes.items():
            if (got := configs[name].get(field)) != size:
                raise StaleError(f"{folder}/{name} has {field} {got}, the latents need {size}: another model")
