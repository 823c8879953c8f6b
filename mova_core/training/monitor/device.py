"""The device that trains: its peak, and the most memory that was held on it."""

import os
import resource

import torch

from mova_core.model.single_thread import single_thread
from mova_core.params.model import TrainParams
from mova_core.plan.hardware import accelerator_named
from mova_core.training.plan.measure import core_flops_per_s
from mova_core.training.plan.plan import Setting
from mova_core.training.processes import process_count

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def peak_flops(device: torch.device, params: TrainParams) -> float | None:
    """FLOPs a second of all devices together, in the precision of the computation; None for a GPU that is not known.

    A processor's peak is that of a matrix product on the cores that compute, measured here.
    """
    processes = process_count()
    if device.type == "cpu":
        there = os.cpu_count() or 1
        cores = processes if processes > 1 else min(params.micro_batches or there, there)
        with single_thread():
            return cores * core_flops_per_s(DTYPES[params.precision])
    accelerator = accelerator_named(torch.cuda.get_device_name(device))
    if accelerator is None:
        return None
    return processes * Setting(accelerator, precision=params.precision).peak


def memory_bytes(device: torch.device) -> int:
    """The most that this process held so far: on its GPU, else of the processor's memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB
