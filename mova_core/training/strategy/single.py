"""One process: the micro-batches side by side in threads on a processor, one after the other on another device.

Each thread has a copy of the model that shares the weights, has gradients of its own, and computes on one processor
core. Threads meet once a step; threads inside an operation would meet thousands of times, and wait for each other
whenever the machine has something else to do.
"""

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from types import TracebackType

import torch
from torch import Tensor, nn

from mova_core.training.strategy.base import LossOf, Result, Setup
from mova_core.training.strategy.micro_batch import MicroBatch
from mova_core.training.strategy.torch_strategy import TorchStrategy

# Micro-batches that threads compute at once, each with gradients of its own; more are computed in turn. It is
# no number of cores: how gradients are summed decides the last bits, which must not depend on the machine.
MOST_AT_ONCE = 8


class SingleProcess(TorchStrategy):
    """The whole model in this process."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        parts = len(setup.micro_batches)
        count = parts if self.device.type == "cpu" and parts <= MOST_AT_ONCE else 1
        self._models = [self.model, *(_sharing_weights(self.model) for _ in range(count - 1))]
        self._parameters = [list(model.parameters()) for model in self._models]
        self._threads = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._threads.shutdown()

    def backward(self, loss_of: LossOf[Result]) -> list[Result]:
        if len(self._models) == 1:
            return super().backward(loss_of)

        def one(model: nn.Module, micro_batch: MicroBatch) -> Result:
            loss, result = loss_of(model, micro_batch)
            loss.backward()
            return result

        results = list(self._threads.map(one, self._models, self._setup.micro_batches))
        self._average_gradients()
        return results

    def _average_gradients(self) -> None:
        learned = [index for index, parameter in enumerate(self._parameters[0]) if parameter.grad is not None]
        own = [_grad(self._parameters[0][index]) for index in learned]
        for parameters in self._parameters[1:]:
            torch._foreach_add_(own, [_grad(parameters[index]) for index in learned])
            for parameter in parameters:
                parameter.grad = None
        torch._foreach_mul_(own, 1 / len(self._models))


def _sharing_weights(model: nn.Module) -> nn.Module:
    copy = deepcopy(model)
    for mine, theirs in zip(copy.parameters(), model.parameters(), strict=True):
        mine.data = theirs.data
    return copy


def _grad(parameter: nn.Parameter) -> Tensor:
    assert parameter.grad is not None, "every micro-batch goes through the same components"
    return parameter.grad
