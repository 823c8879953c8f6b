"""A moving average of the weights: what is evaluated, selected and started from.

diffusers' EMAModel does the same, but its module takes two seconds to import in each of four stages, and keeps a list
of tensors where a model is wanted.
"""

from collections.abc import Iterable
from copy import deepcopy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Model = TypeVar("Model", bound=nn.Module)


class Ema(Generic[Model]):
    """average = decay * average + (1 - decay) * weights, after every step; at first a shorter average.

    Args:
        model: whose weights the average starts from.
        decay: in [0, 1).
        trained: names of the submodules that learn; the average of the others is what they are.
    """

    def __init__(self, model: Model, decay: float, trained: Iterable[str]) -> None:
        self.model = deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self._trained = tuple(trained)
        self._averages = self._learning(self.model)

    @torch.no_grad()
    def update(self, model: Model, step: int) -> None:
        """Take in the weights as they are after optimizer step `step`, counted from 0."""
        torch._foreach_lerp_(self._averages, self._learning(model), 1 - self.decay_at(step))

    def decay_at(self, step: int) -> float:
        """The decay of an early step is lower, so that the start is forgotten in time."""
        return min(self.decay, (1 + step) / (10 + step))

    def _learning(self, model: Model) -> list[Tensor]:
        return [parameter for name in self._trained for parameter in model.get_submodule(name).parameters()]
