"""Data parallel: every process holds the whole model, and gradients are averaged over the processes.

Torch's DistributedDataParallel. Two processes of one micro-batch each give the same bytes as one process of two.
Processes that divide the tokens of a clip are averaged over like all others, see `mova_core/model/context_parallel.py`.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.nn.parallel import DistributedDataParallel

from mova_core.model.dual_tower import divide_tokens
from mova_core.training.strategy.torch_strategy import TorchStrategy


class DataParallel(TorchStrategy):
    """The whole model in every process of the open process group.

    Args:
        context: so many successive processes divide the tokens of a clip.
        parts: the arguments of `TorchStrategy`.
    """

    def __init__(self, context: int, *parts: Any) -> None:
        *_, device = parts
        sizes = dist.get_world_size() // context, context
        mesh = init_device_mesh(device.type, sizes, mesh_dim_names=("data", "context"))
        self._data_group, self._context_group = mesh.get_group("data"), mesh.get_group("context")
        super().__init__(*parts)
        self.main = dist.get_rank() == 0
        # The idle expert has no gradients, nor has the Bridge where every sample of a micro-batch has it off.
        self._wrapped = DistributedDataParallel(self.module, find_unused_parameters=True)
        self.model = self._wrapped

    def lay_out(self, model: nn.Module) -> nn.Module:
        divide_tokens(model, self._context_group)
        return model

    def _synchronise(self, last: bool) -> None:
        self._wrapped.require_backward_grad_sync = last

    def gather(self, values: Tensor) -> Tensor:
        return gather_rows(values, self._data_group)

    def wait(self) -> None:
        dist.barrier()


def gather_rows(values: Tensor, group: dist.ProcessGroup) -> Tensor:
    """Rows of every rank of a group, one after the other; each has as many."""
    parts = [torch.empty_like(values) for _ in range(dist.get_world_size(group))]
    dist.all_gather(parts, values.contiguous(), group=group)
    return torch.cat(parts)
