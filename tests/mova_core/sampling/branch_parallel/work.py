"""What tests of divided guidance branches run in a second process: functions of a module, which it can import."""

import os
import signal
from pathlib import Path

import torch

from mova_core.errors import UsageError
from mova_core.model.model_folder import load_components
from mova_core.sampling.branch_parallel.processes import BranchParallel
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.guidance import BRIDGE, FULL

LATENTS = {"video": torch.zeros(1, 4, 2, 2, 2), "audio": torch.zeros(1, 4, 8)}


def follow(parallel: BranchParallel, folder: Path) -> None:
    """Divide branches with the model of a folder."""
    ClipGenerator(load_components(folder)).follow(parallel)


def exchange(parallel: BranchParallel, times: int) -> None:
    """Velocities of two branches, a constant of the process each, exchanged so many times."""
    branches = (BRIDGE, FULL)
    for _ in range(times):
        own = {
            branch: {modality: each + 1 + parallel.group.rank() for modality, each in LATENTS.items()}
            for branch in parallel.mine(branches)
        }
        every = parallel.exchange(branches, own, LATENTS)
        assert [float(every[branch]["video"].mean()) for branch in branches] == [1.0, 2.0]


def refuse(parallel: BranchParallel) -> None:
    exchange(parallel, times=1)
    raise UsageError("the second one says no")


def die(parallel: BranchParallel) -> None:
    exchange(parallel, times=1)
    os.kill(os.getpid(), signal.SIGKILL)
