"""Fully sharded: the processes of a copy hold its weights, gradients, moments and average in parts (torch's FSDP2).

A copy is cut over shard x context processes; where there are several copies, each part is averaged over them (HSDP).
Every block, every direction of the Bridge, every head, and the rest of each tower is gathered when it computes and let
go after. Heads stand for themselves so that the rest of a tower computes once a pass: a part whose gradients came in
two portions could not be summed over micro-batches before copies exchange them.
Processes of a context group have the same clips and divide their tokens; the mean over all processes is the gradient
of the loss there too (`mova_core/model/towers/context_parallel.py`).
Sources: PyTorch FSDP2 (`fully_shard`), arXiv:2304.11277; HSDP, arXiv:2203.11014, section 4.
"""

import warnings
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import (
    CPUOffloadPolicy,
    MixedPrecisionPolicy,
    OffloadPolicy,
    fully_shard,
    register_fsdp_forward_method,
)

from mova_core.errors import UsageError
from mova_core.model.towers.bridge import Conditioner
from mova_core.model.towers.dual_tower import DualTower, divide_tokens
from mova_core.model.towers.tower import Block, Head, Tower
from mova_core.params.model import ParallelParams
from mova_core.training.strategy.base import Setup
from mova_core.training.strategy.ddp import gather_rows
from mova_core.training.strategy.torch_strategy import TorchStrategy

UNITS = (Block, Conditioner, Head)


class FullySharded(TorchStrategy):
    """A model in parts over the processes of the open process group.

    Args:
        parallel: sizes of the grid, and what is done with the parts.
        setup: what it is made from.

    Raises:
        UsageError: weights are to wait on the processor, and there is no other device; more context processes than
            heads.
    """

    module: Any
    average: Any

    def __init__(self, parallel: ParallelParams, setup: Setup) -> None:
        device_type = setup.device.type
        if parallel.cpu_offload and device_type == "cpu":
            raise UsageError(
                "train.parallel.cpu_offload is true, and this machine computes on its processor: there is nothing to "
                "take the weights off from; set it to false"
            )
        # It warns of in-place changes to what a module returns: the model makes none.
        warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view tensor")
        self._parallel, self._weights_on = parallel, weight_mesh(parallel, device_type)
        sizes = dist.get_world_size() // parallel.context, parallel.context
        grid = init_device_mesh(device_type, sizes, mesh_dim_names=("data", "context"))
        self._data_group, self._context_group = grid.get_group("data"), grid.get_group("context")
        super().__init__(setup)
        self.average.set_reshard_after_forward(True)  # no backward pass would let its weights go after validation

    @property
    def home(self) -> torch.device:
        return torch.device("cpu") if self._parallel.cpu_offload else self.device

    def lay_out(self, model: nn.Module) -> nn.Module:
        divide_tokens(model, self._context_group)
        options: dict[str, Any] = {
            "mesh": self._weights_on,
            "mp_policy": self._mixed_precision(),
            "reshard_after_forward": self._parallel.reshard,
            "offload_policy": CPUOffloadPolicy() if self._parallel.cpu_offload else OffloadPolicy(),
        }
        for unit in [module for module in model.modules() if isinstance(module, UNITS)]:
            fully_shard(unit, **options)
            if isinstance(unit, Block):
                register_fsdp_forward_method(unit, "text_key_value")
        for tower in [module for module in model.modules() if isinstance(module, Tower)]:
            fully_shard(tower, **options)
            for method in ("embed", "tables"):
                register_fsdp_forward_method(tower, method)
        fully_shard(model, **options)
        if isinstance(model, DualTower):
            register_fsdp_forward_method(model, "tables")
        return model

    def _mixed_precision(self) -> MixedPrecisionPolicy:
        if self._setup.precision == "float32":
            return MixedPrecisionPolicy()
        # Inputs stay as they are: timesteps and rotary angles would be rounded, the towers cast latents themselves.
        return MixedPrecisionPolicy(torch.bfloat16, torch.float32, cast_forward_inputs=False)

    def _synchronise(self, last: bool) -> None:
        # Within a copy every micro-batch's gradients are scattered: kept whole until the last one they would take as
        # much memory as the model. Copies exchange their sums once a step.
        self.module.set_requires_all_reduce(last)

    def gather(self, values: Tensor) -> Tensor:
        return gather_rows(values, self._data_group)

    def wait(self) -> None:
        dist.barrier()


def weight_mesh(parallel: ParallelParams, device_type: str) -> DeviceMesh:
    """The processes that hold a copy, and with them the copies where there are several."""
    parts = parallel.shard * parallel.context
    copies = dist.get_world_size() // parts
    grid = init_device_mesh(device_type, (copies, parts), mesh_dim_names=("replicate", "shard"))
    return grid if copies > 1 else grid["shard"]
