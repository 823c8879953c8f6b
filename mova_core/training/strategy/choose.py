"""The layout that params ask for, on the processes that a launcher started."""

import torch
from torch import nn

from mova_core.params.model import TrainParams
from mova_core.training.processes import local_rank, process_count, rank
from mova_core.training.strategy.base import Setup, Strategy, WeightSource
from mova_core.training.strategy.deepspeed_config import STAGES
from mova_core.training.strategy.layout import check_layout
from mova_core.training.strategy.micro_batch import local_micro_batches
from mova_core.training.strategy.single import SingleProcess


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
    processes = process_count()
    layout = check_layout(params, processes)
    device = torch.device("cuda", local_rank()) if torch.cuda.is_available() else CPU
    parts = params.micro_batches_of(batch)
    micro_batches = local_micro_batches(parts, batch, layout.data_rank(rank()), layout.data_ranks, device)
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
    if layout.shared_by > 1:
        from mova_core.training.strategy.fsdp import FullySharded

        return FullySharded(parallel, setup)
    from mova_core.training.strategy.ddp import DataParallel

    return DataParallel(setup)


CPU = torch.device("cpu")
