"""Run by a test in a process of its own: what training takes of memory in one process, and in each of four.

python memory_processes.py FOLDER     writes FOLDER/memory.json: bytes of `weights`, of `one` process, of `each` of four

Memory is the most that a process grew beyond what it had before the model was built (VmHWM of Linux over VmRSS then),
after another, tiny training had loaded all code: through building from the meta device and a step of each expert.
"""

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # FSDP2 asks for it
import torch.distributed as dist

from mova_core.model.towers.dual_tower import LatentPair
from mova_core.model.towers.tower_configs import preset_configs
from mova_core.model.weights.blueprint import joint_blueprint
from mova_core.model.weights.fresh import FreshWeights
from mova_core.params import Params
from mova_core.params.model import ModelParams, OptimizerParams, ParallelParams, TowerParams, TrainParams
from mova_core.training.strategy.base import Setup, Strategy
from mova_core.training.strategy.fsdp import FullySharded
from mova_core.training.strategy.micro_batch import MicroBatch
from mova_core.training.strategy.single import SingleProcess

CPU = torch.device("cpu")
TINY = TowerParams(width=24, heads=2, layers=1, mlp_width=32)
LARGE = TowerParams(width=512, heads=4, layers=6, mlp_width=2048)


def memory_of(tower: TowerParams, processes: int) -> tuple[int, int]:
    """Bytes of the model's weights, and by how many this process grew at most."""
    blueprint = joint_blueprint(preset_configs(Params(train=TrainParams(model=ModelParams(video=tower, audio=tower)))))
    weights = sum(parameter.numel() * 4 for parameter in blueprint.parameters())
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts anew
    before = status("VmRSS")
    setup = Setup(blueprint, FreshWeights(0, blueprint), OptimizerParams(), (MicroBatch(0, 1, CPU),), CPU)
    strategy = SingleProcess(setup) if processes == 1 else FullySharded(ParallelParams(shard=processes), setup)
    with strategy:
        for step, expert in enumerate(("video_dit", "video_dit_2")):
            train(strategy, step, expert)
    return weights, status("VmHWM") - before


def train(strategy: Strategy, step: int, expert: str) -> None:
    def loss_of(model: Any, micro_batch: MicroBatch) -> tuple[torch.Tensor, None]:
        noisy = LatentPair(torch.randn(1, 16, 2, 2, 2), torch.randn(1, 16, 4))
        timestep_B2, condition, context = torch.full((1, 2), 500.0), torch.zeros(1, 20, 2, 2, 2), torch.randn(1, 5, 64)
        video, audio = model(noisy, timestep_B2, condition, context, expert=expert, video_fps=16.0)
        return video.square().mean() + audio.square().mean(), None

    strategy.backward(loss_of)
    strategy.grad_norm()
    strategy.step(step, 1.0)


def status(field: str) -> int:
    """A size of this process, bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def one_of(rank: int, processes: int, tower: TowerParams, folder: Path) -> None:
    torch.set_num_threads(1)
    if processes > 1:
        options: dict[str, Any] = {"world_size": processes, "timeout": timedelta(minutes=5)}
        dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, **options)
    memory_of(TINY, processes)
    (folder / f"{processes}-{rank}").write_text(json.dumps(memory_of(tower, processes)))
    if processes > 1:
        dist.barrier()
        dist.destroy_process_group()


def largest(processes: int, tower: TowerParams, folder: Path) -> tuple[int, int]:
    """Train in so many processes; bytes of weights, and by how many one of them grew at most."""
    children = []
    for rank in range(processes):
        if not (child := os.fork()):
            one_of(rank, processes, tower, folder)
            os._exit(0)
        children.append(child)
    assert not any([os.waitpid(child, 0)[1] for child in children])
    found = [json.loads((folder / f"{processes}-{rank}").read_text()) for rank in range(processes)]
    return found[0][0], max(grown for _, grown in found)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    weights, one = largest(1, LARGE, folder)
    _, each = largest(4, LARGE, folder)
    (folder / "memory.json").write_text(json.dumps({"weights": weights, "one": one, "each": each}))
