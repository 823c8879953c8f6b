"""What the layouts of PyTorch share: weights filled in place, AdamW, clipping, the moving average, names of the state.

A layout says how a model built on the meta device is laid out, and how gradients come to be.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from types import TracebackType

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from mova_core.params.model import OptimizerParams
from mova_core.training.optimizer import MOMENTS, ema_decay, make_optimizer, set_lr
from mova_core.training.strategy.base import LossOf, Result, Strategy, WeightSource
from mova_core.training.strategy.micro_batch import MicroBatch


class TorchStrategy(Strategy):
    """Base of the layouts that torch's own optimizer moves.

    Args:
        blueprint: the model on the meta device; its children are the components.
        weights: where its weights come from.
        params: of the optimizer.
        micro_batches: of this process.
        device: of this process.
    """

    def __init__(
        self,
        blueprint: nn.Module,
        weights: WeightSource,
        params: OptimizerParams,
        micro_batches: Sequence[MicroBatch],
        device: torch.device,
    ) -> None:
        self.device, self.main = device, True
        self._params, self._micro_batches = params, micro_batches
        self.module = self.lay_out(deepcopy(blueprint))
        self.average = self.lay_out(blueprint)
        for laid in (self.module, self.average):
            laid.to_empty(device=device)
            fill(laid, weights)
        self.module.train()
        self.average.eval().requires_grad_(False)
        self.model = self.module
        self._optimizer = make_optimizer(dict(self.module.named_children()), params)

    def lay_out(self, model: nn.Module) -> nn.Module:
        """Shard a model on the meta device; without shards a process holds it whole."""
        return model

    def backward(self, loss_of: LossOf[Result]) -> list[Result]:
        results = []
        for micro_batch in self._micro_batches:
            self._synchronise(micro_batch is self._micro_batches[-1])
            loss, result = loss_of(self.model, micro_batch)
            (loss / len(self._micro_batches)).backward()
            results.append(result)
        return results

    def _synchronise(self, last: bool) -> None:
        """Whether the next backward pass, the last of a step, averages gradients over the processes."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None

    def grad_norm(self) -> Tensor:
        gradients = [parameter.grad for parameter in self.module.parameters() if parameter.grad is not None]
        self._norm = torch.nn.utils.get_total_norm(gradients)
        return self._norm.full_tensor() if isinstance(self._norm, DTensor) else self._norm

    def step(self, step: int, lr_multiplier: float) -> None:
        torch.nn.utils.clip_grads_with_norm_(self.module.parameters(), self._params.clip_norm, self._norm)
        set_lr(self._optimizer, lr_multiplier)
        self._optimizer.step()
        self.skip()
        with torch.no_grad():
            weight = 1 - ema_decay(step, self._params.ema_decay)
            torch._foreach_lerp_(list(self.average.parameters()), list(self.module.parameters()), weight)

    def skip(self) -> None:
        self._optimizer.zero_grad(set_to_none=True)

    def gather(self, values: Tensor) -> Tensor:
        return values

    def state(self) -> dict[str, Tensor]:
        tensors = {f"model.{name}": parameter.detach() for name, parameter in self.module.named_parameters()}
        tensors |= {f"ema.{name}": parameter.detach() for name, parameter in self.average.named_parameters()}
        for name, parameter in self.module.named_parameters():
            for moment, value in self._optimizer.state.get(parameter, {}).items():
                tensors[f"optimizer.{name}.{moment}"] = value
        return tensors

    def load(self, state: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for kind, model in (("model", self.module), ("ema", self.average)):
                for name, parameter in model.named_parameters():
                    parameter.copy_(state[f"{kind}.{name}"])
        for name, parameter in self.module.named_parameters():
            if f"optimizer.{name}.{MOMENTS[0]}" in state:
                # Fused AdamW keeps `step` on the parameter's device too.
                self._optimizer.state[parameter] = {
                    moment: state[f"optimizer.{name}.{moment}"].to(parameter.device) for moment in MOMENTS
                }


@torch.no_grad()
def fill(model: nn.Module, weights: WeightSource) -> None:
    """Give every parameter its value, one after the other, so that no process ever holds the whole model."""
    for name, parameter in model.named_parameters():
        value = weights(name).to(parameter.device)
        if isinstance(parameter, DTensor):
            value = distribute_tensor(value, parameter.device_mesh, parameter.placements)
        parameter.copy_(value)
