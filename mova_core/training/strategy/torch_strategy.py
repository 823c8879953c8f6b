"""What the layouts of PyTorch share: weights filled in place, AdamW, clipping, the moving average, names of the state.

A layout says how a model built on the meta device is laid out, and how gradients come to be.
"""

import warnings
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import partial
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from mova_core.params.model import Precision
from mova_core.training.optimizer import MOMENTS, ema_decay, make_optimizer, set_lr
from mova_core.training.strategy.activations import checkpoint_activations
from mova_core.training.strategy.base import Setup, Strategy, WeightSource


class TorchStrategy(Strategy):
    """Base of the layouts that torch's own optimizer moves.

    Args:
        setup: what it is made from.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        module, average = deepcopy(setup.blueprint), setup.blueprint
        checkpoint_activations(module, setup.checkpointing)
        self.module, self.average = self.lay_out(module), self.lay_out(average)
        for laid in (self.module, self.average):
            laid.to_empty(device=self.home)
        self._learning = {name for name, parameter in self.module.named_parameters() if parameter.requires_grad}
        fill(self.module, setup.weights)
        fill(self.average, dict(self.module.named_parameters()).__getitem__)  # each is read or drawn once
        self.module.train()
        self.average.eval().requires_grad_(False)
        self.model = self.module
        self._optimizer = make_optimizer(dict(self.module.named_children()), setup.optimizer)

    @property
    def home(self) -> torch.device:
        """Where weights lie while they do not compute."""
        return self.device

    def lay_out(self, model: nn.Module) -> nn.Module:
        """Shard a model on the meta device, and let it compute in its precision; here a process holds it whole."""
        compute_in(self._setup.precision, model, self.device)
        return model

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None

    def grad_norm(self) -> Tensor:
        gradients = [parameter.grad for parameter in self.module.parameters() if parameter.grad is not None]
        self._norm = torch.nn.utils.get_total_norm(gradients)
        return self._norm.full_tensor() if isinstance(self._norm, DTensor) else self._norm

    def step(self, step: int, lr_multiplier: float) -> None:
        torch.nn.utils.clip_grads_with_norm_(self.module.parameters(), self._setup.optimizer.clip_norm, self._norm)
        set_lr(self._optimizer, lr_multiplier)
        self._optimizer.step()
        self.skip()
        with torch.no_grad():
            weight = 1 - ema_decay(step, self._setup.optimizer.ema_decay)
            learned, average = ([parameter for _, parameter in self._learned(model)] for _, model in self._kinds())
            torch._foreach_lerp_(average, learned, weight)

    def skip(self) -> None:
        self._optimizer.zero_grad(set_to_none=True)

    def gather(self, values: Tensor) -> Tensor:
        return values

    def state(self) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = {}
        for kind, model in self._kinds():
            tensors |= {f"{kind}.{name}": parameter.detach() for name, parameter in self._learned(model)}
        for name, parameter in self._learned(self.module):
            for moment, value in self._optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{name}.{moment}"] = value
        return tensors

    def load(self, state: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for kind, model in self._kinds():
                for name, parameter in self._learned(model):
                    copy_into(parameter, state[f"{kind}.{name}"])
        for name, parameter in self._learned(self.module):
            if f"optimizer.{name}.{MOMENTS[0]}" in state:
                # Fused AdamW keeps `step` on the parameter's device too.
                moments = {moment: state[f"optimizer.{name}.{moment}"] for moment in MOMENTS}
                self._optimizer.state[parameter] = {
                    moment: laid_out_as(parameter, value).to(parameter.device) for moment, value in moments.items()
                }

    def _kinds(self) -> tuple[tuple[str, nn.Module], tuple[str, nn.Module]]:
        return ("model", self.module), ("ema", self.average)

    def _learned(self, model: nn.Module) -> Iterator[tuple[str, Tensor]]:
        """The parameters that learn, of the model or of its average: all but those that LoRA leaves as they are."""
        return (named for named in model.named_parameters() if named[0] in self._learning)


@torch.no_grad()
def fill(model: nn.Module, weights: WeightSource) -> None:
    """Give every parameter its value, one after the other, so that no process ever holds the whole model."""
    for name, parameter in model.named_parameters():
        copy_into(parameter, weights(name))


def copy_into(parameter: Tensor, value: Tensor) -> None:
    """Give a parameter a value that is whole, or in the same parts; no process sends another anything."""
    for_here = laid_out_as(parameter, value)
    _here(parameter).copy_(_here(for_here))


def laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
    """A whole value in the parts of a parameter of its shape; any other value as it is."""
    if not isinstance(parameter, DTensor) or isinstance(value, DTensor) or value.shape != parameter.shape:
        return value
    return distribute_tensor(value, parameter.device_mesh, parameter.placements, src_data_rank=None)


def _here(tensor: Tensor) -> Tensor:
    """This process's part."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def compute_in(precision: Precision, model: nn.Module, device: torch.device) -> None:
    """Let a model whose weights are float32 compute in a precision."""
    if precision == "bfloat16":
        # RMS norms take bfloat16 with float32 weights, and give float32: slower than fused, and right.
        warnings.filterwarnings("ignore", "Mismatch dtype between input and weight")
        model.forward = partial(_in_bfloat16, device.type, model.forward)  # a copy of the model copies this too


def _in_bfloat16(device_type: str, forward: Any, *args: Any, **kwargs: Any) -> Any:
    """Matrix products and attention in bfloat16, of weights that stay float32."""
    with torch.autocast(device_type, torch.bfloat16):
        return forward(*args, **kwargs)
