"""A batch computed in shares side by side, by threads of this process and by several processes; gradients averaged.

Each thread has a copy of the model that shares the weights and has gradients of its own, and computes on one processor
core. Threads meet once a step; the threads inside an operation would meet thousands of times, and wait for each other
whenever the machine has something else to do (measured: 20 times slower beside one busy process, against nothing).
The number of shares decides the last bits of the weights, so it is a param. It does not matter which process computes
which share: 2 shares by 2 threads or by 2 processes give the same bytes.
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
class Share:
    """Rows `index`, `index + count`, … of every batch, and where they are computed."""

    index: int
    count: int
    device: torch.device


def local_shares(shares: int, batch: int, accelerator: Accelerator) -> list[Share]:
    """The shares that this process computes: on a processor its part of `shares`, on another device one.

    Raises:
        UsageError: a batch does not divide into the shares.
    """
    processes, rank = accelerator.num_processes, accelerator.process_index
    here = max(1, shares // processes) if accelerator.device.type == "cpu" else 1
    count = here * processes
    if batch % count:
        raise UsageError(
            f"a batch of {batch} clips does not divide into {count} shares: change batch or train.micro_batches"
        )
    return [Share(rank * here + index, count, accelerator.device) for index in range(here)]


class SideBySide:
    """The shares of this process.

    Args:
        towers: the model; it computes the first share itself.
        shares: of this process.
        accelerator: of all processes.
    """

    def __init__(self, towers: DualTower, shares: Sequence[Share], accelerator: Accelerator) -> None:
        self._shares = shares
        self._accelerator = accelerator
        self._towers = [towers, *(_sharing_weights(towers) for _ in shares[1:])]
        self._parameters = [list(copy.parameters()) for copy in self._towers]
        self._threads = ThreadPoolExecutor(len(shares), initializer=torch.set_num_threads, initargs=(1,))

    def __enter__(self) -> "SideBySide":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._threads.shutdown()

    def backward(self, loss_of: Callable[[DualTower, Share], tuple[Tensor, Result]]) -> list[Result]:
        """Compute every share's loss and leave the mean of all gradients on the model.

        Args:
            loss_of: what to minimise for a share, and whatever else is wanted of it.

        Returns:
            What else was wanted, a value per share of this process.
        """

        def one(towers: DualTower, share: Share) -> Result:
            loss, result = loss_of(towers, share)
            self._accelerator.backward(loss)
            return result

        results = list(self._threads.map(one, self._towers, self._shares))
        self._average()
        return results

    def _average(self) -> None:
        learned = [index for index, parameter in enumerate(self._parameters[0]) if parameter.grad is not None]
        own = [_grad(self._parameters[0][index]) for index in learned]
        for parameters in self._parameters[1:]:
            torch._foreach_add_(own, [_grad(parameters[index]) for index in learned])
            for parameter in parameters:
                parameter.grad = None
        if len(self._shares) > 1:
            torch._foreach_mul_(own, 1 / len(self._shares))
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
    assert parameter.grad is not None, "every share goes through the same components"
    return parameter.grad
