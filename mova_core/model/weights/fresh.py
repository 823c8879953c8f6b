"""Fresh weights: each parameter is drawn by itself, from the seed and its name alone.

So its start depends neither on how many processes there are nor on which other components are built. Distributions are
those of PyTorch's layers: linear layers and convolutions uniform within 1 / sqrt(inputs), norms one and zero; a
modulation is normal with variance 1 / width. Both video experts start from the same weights. The Bridge's output
projections are zero, so at first neither tower influences the other; so are LoRA's B matrices, which at first add
nothing.
"""

import hashlib
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mova_core.model.towers.dual_tower import VIDEO_COMPONENTS, DualTower
from mova_core.model.towers.tower_configs import Configs, preset_configs
from mova_core.model.weights.blueprint import in_memory, joint_blueprint
from mova_core.params import Params

BRIDGE_OUTPUT = ".inner.o"  # how the names of the Bridge's output projections end
LORA_OUTPUT = ".lora_B.default"
SEED_BYTES = 7  # a generator takes 63 bits

Draw = Callable[[Tensor, torch.Generator], object]
"""Fills a tensor in place."""


class _Start(NamedTuple):
    shape: torch.Size
    draw: Draw


class FreshWeights:
    """Gives the first value of each parameter by its name, float32.

    Args:
        seed: of the model.
        blueprint: the model, on whatever device; it is only looked at now.
    """

    def __init__(self, seed: int, blueprint: nn.Module) -> None:
        self._seed = seed
        self._starts = {
            f"{path}.{name}": _Start(parameter.shape, _draw_of(layer, path, name))
            for path, layer in blueprint.named_modules()
            for name, parameter in layer.named_parameters(recurse=False)
        }

    def __call__(self, name: str) -> Tensor:
        """The value; KeyError where the model has no such parameter."""
        start, value = self._starts[name], torch.empty(self._starts[name].shape)
        start.draw(value, self._generator(name))
        return value

    def _generator(self, name: str) -> torch.Generator:
        high, low = VIDEO_COMPONENTS
        component, _, rest = name.partition(".")
        drawn_as = f"{high if component == low else component}.{rest}"
        digest = hashlib.sha256(f"{self._seed} {drawn_as}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:SEED_BYTES], "big"))


def fresh_dual_tower(seed: int, configs: Configs) -> DualTower:
    """A whole model with fresh weights in this process."""
    towers = joint_blueprint(configs)
    in_memory(towers, FreshWeights(seed, towers))
    return towers


def preset_dual_tower(params: Params) -> DualTower:
    """That of a preset's sizes and seed."""
    return fresh_dual_tower(params.seed, preset_configs(params))


def _draw_of(layer: nn.Module, path: str, name: str) -> Draw:
    """How a layer's parameter of that name is drawn."""
    if path.endswith((BRIDGE_OUTPUT, LORA_OUTPUT)) or (isinstance(layer, nn.LayerNorm) and name == "bias"):
        return lambda value, generator: value.zero_()
    if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv3d):
        bound = 1 / math.sqrt(layer.weight[0].numel())
        return lambda value, generator: value.uniform_(-bound, bound, generator=generator)
    if isinstance(layer, nn.LayerNorm | nn.RMSNorm) or name == "condition_scale":
        return lambda value, generator: value.fill_(1.0)
    assert name == "modulation", f"nothing says how {path}.{name} is drawn"
    return lambda value, generator: value.normal_(std=value.shape[-1] ** -0.5, generator=generator)
