"""Data parallel: every process holds the whole model, and gradients are averaged over the processes.

Torch's DistributedDataParallel. Two processes of one micro-batch each give the same bytes as one process of two.
"""

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from mova_core.training.strategy.base import Setup
from mova_core.training.strategy.torch_strategy import TorchStrategy


class DataParallel(TorchStrategy):
    """The whole model in every process of the open process group.

    Args:
        setup: what it is made from.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        # The idle expert has no gradients, nor has the Bridge where every sample of a micro-batch has it off.
        self._wrapped = DistributedDataParallel(self.module, find_unused_parameters=True)
        self.model = self._wrapped

    def _synchronise(self, last: bool) -> None:
        self._wrapped.require_backward_grad_sync = last

    def gather(self, values: Tensor) -> Tensor:
        return gather_rows(values)

    def wait(self) -> None:
        dist.barrier()


def gather_rows(values: Tensor, group: dist.ProcessGroup | None = None) -> Tensor:
    """Rows of every rank of a group (None: of all), one after the other; each has as many."""
    parts = [torch.empty_like(values) for _ in range(dist.get_world_size(group))]
    dist.all_gather(parts, values.contiguous(), group=group)
    return torch.cat(parts)
