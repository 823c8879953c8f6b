"""The layout that params ask for, on the processes that a launcher started."""

import os
from dataclasses import dataclass

import torch
from torch import nn

from mova_core.errors import UsageError
from mova_core.params.model import ParallelParams, TrainParams
from mova_core.training.strategy.base import Setup, Strategy, WeightSource
from mova_core.training.strategy.deepspeed_config import STAGES
from mova_core.training.strategy.micro_batch import local_micro_batches
from mova_core.training.strategy.single import SingleProcess


@dataclass(frozen=True, slots=True)
class Mesh:
    """The processes as a grid; this one's place in it is `rank` in row-major order.

    Args:
        replicate: copies of the model.
        shard: processes that hold a copy in parts.
        context: processes that divide the tokens of a clip.
        rank: of this process.
    """

    replicate: int
    shard: int
    context: int
    rank: int

    @classmethod
    def of(cls, params: ParallelParams, processes: int, rank: int) -> "Mesh":
        """The grid that params ask for.

        Raises:
            UsageError: the processes do not fill it.
        """
        parts = params.shard * params.context
        replicate = params.replicate or max(1, processes // parts)
        if replicate * parts != processes:
            raise UsageError(
                f"train.parallel asks for {replicate} x {params.shard} x {params.context} processes (replicate, shard, "
                f"context), {processes} were started: change it, or start {replicate * parts} (mova train PHASE "
                "--launcher, or torchrun)"
            )
        return cls(replicate, params.shard, params.context, rank)

    @property
    def data_ranks(self) -> int:
        """Processes that compute different clips."""
        return self.replicate * self.shard

    @property
    def data_rank(self) -> int:
        """Which of them this one is; those of one context group are one."""
        return self.rank // self.context


def open_strategy(params: TrainParams, blueprint: nn.Module, weights: WeightSource, batch: int) -> Strategy:
    """The strategy of section `train`, its model filled with weights.

    Args:
        params: section `train`.
        blueprint: the model on the meta device.
        weights: where its weights come from.
        batch: clips a step.

    Raises:
        UsageError: the processes do not fit the layout, or do not divide the batch; params that rule each other out.
    """
    parallel = params.parallel
    in_parts = parallel.shard * parallel.context > 1
    processes, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    _check(params, processes)
    mesh = Mesh.of(parallel, processes, rank)
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if torch.cuda.is_available() else CPU
    micro_batches = local_micro_batches(params.micro_batches, batch, mesh.data_rank, mesh.data_ranks, device)
    kinds = params.precision, params.activation_checkpointing
    setup = Setup(blueprint, weights, params.optimizer, micro_batches, device, *kinds)
    if processes == 1:
        return SingleProcess(setup)
    from accelerate import PartialState  # opens the process group; imported where there are several

    # Weights that wait on the processor have gradients there, whose norm is summed there.
    backend = {"backend": "cpu:gloo,cuda:nccl"} if parallel.cpu_offload else {}
    threads = torch.get_num_threads()
    PartialState(cpu=device.type == "cpu", **backend)
    torch.set_num_threads(threads)  # accelerate gives each process a share of the cores: sums would be in another order
    if parallel.backend in STAGES:
        from mova_core.training.strategy.zero import Zero

        return Zero(STAGES[parallel.backend], setup)
    if in_parts:
        from mova_core.training.strategy.fsdp import FullySharded

        return FullySharded(parallel, setup)
    from mova_core.training.strategy.ddp import DataParallel

    return DataParallel(setup)


def _check(params: TrainParams, processes: int) -> None:
    """UsageError where params of the layout rule each other out, or leave nothing to divide."""
    parallel = params.parallel
    in_parts, zero = parallel.shard * parallel.context > 1, parallel.backend in STAGES
    if zero and (in_parts or parallel.cpu_offload):
        raise UsageError(
            f"train.parallel.backend is {parallel.backend} with shard {parallel.shard}, context {parallel.context}, "
            f"cpu_offload {str(parallel.cpu_offload).lower()}: DeepSpeed divides over all processes by itself; set "
            "them to 1, 1 and false, or backend to torch"
        )
    if zero and processes == 1:
        raise UsageError(
            f"train.parallel.backend is {parallel.backend} in one process, which leaves nothing to divide: start "
            "several (train.launch.processes_per_node), or set backend to torch"
        )
    if parallel.backend == "zero3" and params.activation_checkpointing == "selective":
        raise UsageError(
            "train.activation_checkpointing is selective with backend zero3, whose linear layers change the matrix "
            "products that are to be kept: set it to full or none, or backend to torch and shard to the processes"
        )
    if parallel.cpu_offload and not in_parts:
        raise UsageError(
            "train.parallel.cpu_offload is true with shard 1 and context 1: only weights held in parts can wait on the "
            "processor; set shard to 2 or more"
        )


CPU = torch.device("cpu")
