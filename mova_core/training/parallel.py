"""Data parallel training: a batch in micro-batches, computed by threads of this process and by several processes.

Each thread has a copy of the model that shares the weights, has gradients of its own, and computes on one processor
core. Threads meet once a step; threads inside an operation would meet thousands of times, and wait for each other
whenever the machine has something else to do.

Gradients are averaged over the micro-batches. How they are cut decides the last bits of the weights, so their number is
a param, which the number of processes must divide. Two micro-batches give the same bytes on one process and on two;
more of them are summed in another order on another number of processes, and agree to rounding.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from mova_core.errors import UsageError
from mova_core.model.dual_tower import DualTower

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Rows `index`, `index + count`, … of every batch, and the device that computes them."""

    index: int
    count: int
    device: torch.device

    @property
    def rows(self) -> slice:
        """Its rows of a batch."""
        return slice(self.index, None, self.count)


def local_micro_batches(micro_batches: int, batch: int, accelerator: Accelerator) -> list[MicroBatch]:
    """The micro-batches that this process computes: on a processor its part of them, on another device one.

    Args:
        micro_batches: of all processes together; without effect where each process has a device of its own.
        batch: clips a step.
        accelerator: tells the number of processes, this one's rank and its device.

    Raises:
        UsageError: the processes do not divide the micro-batches, or these the batch.
    """
    processes, rank = accelerator.num_processes, accelerator.process_index
    on_processor = accelerator.device.type == "cpu"
    if on_processor and micro_batches % processes:
        raise UsageError(
            f"train.micro_batches is {micro_batches}, {processes} processes train: expected a multiple of {processes}, "
            "because the number decides the last bits of the weights; change it, or start fewer processes"
        )
    here = micro_batches // processes if on_processor else 1
    count = here * processes
    if batch % count:
        raise UsageError(
            f"a batch of {batch} clips does not divide into {count} micro-batches: change the phase's batch, or "
            "train.micro_batches"
        )
    return [MicroBatch(rank * here + index, count, accelerator.device) for index in range(here)]


class DataParallel:
    """Computes this process's micro-batches side by side.

    Args:
        towers: the model; it computes the first micro-batch itself.
        micro_batches: of this process.
        accelerator: of all processes.
    """

    def __init__(self, towers: DualTower, micro_batches: Sequence[MicroBatch], accelerator: Accelerator) -> None:
        self._micro_batches = micro_batches
        self._accelerator = accelerator
        self._towers = [towers, *(_sharing_weights(towers) for _ in micro_batches[1:])]
        self._parameters = [list(copy.parameters()) for copy in self._towers]
        self._threads = ThreadPoolExecutor(len(micro_batches), initializer=torch.set_num_threads, initargs=(1,))

    def __enter__(self) -> "DataParallel":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._threads.shutdown()

    def backward(self, loss_of: Callable[[DualTower, MicroBatch], tuple[Tensor, Result]]) -> list[Result]:
        """Compute every micro-batch's loss and leave the mean of all gradients on the model.

        Args:
            loss_of: gives the loss of a micro-batch, and a result to return.

        Returns:
            The result of each micro-batch of this process.
        """

        def one(towers: DualTower, micro_batch: MicroBatch) -> Result:
            loss, result = loss_of(towers, micro_batch)
            self._accelerator.backward(loss)
            return result

        results = list(self._threads.map(one, self._towers, self._micro_batches))
        self._average()
        return results

    def _average(self) -> None:
        learned = [index for index, parameter in enumerate(self._parameters[0]) if parameter.grad is not None]
        own = [_grad(self._parameters[0][index]) for index in learned]
        for parameters in self._parameters[1:]:
            torch._foreach_add_(own, [_grad(parameters[index]) for index in learned])
            for parameter in parameters:
                parameter.grad = None
        if len(self._micro_batches) > 1:
            torch._foreach_mul_(own, 1 / len(self._micro_batches))
        if self._accelerator.num_processes > 1:
            together = torch.cat([gradient.flatten() for gradient in own])
            mean = self._accelerator.reduce(together, "mean")
            pieces = mean.split([gradient.numel() for gradient in own])
            torch._foreach_copy_(own, [piece.view_as(like) for piece, like in zip(pieces, own, strict=True)])


def _sharing_weights(towers: DualTower) -> DualTower:
    copy = deepcopy(towers)
    for mine, theirs in zip(copy.parameters(), towers.parameters(), strict=True):
        mine.data = theirs.data
    return copy


def _grad(parameter: nn.Parameter) -> Tensor:
    assert parameter.grad is not None, "every micro-batch goes through the same components"
    return parameter.grad
