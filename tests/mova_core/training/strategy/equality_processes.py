"""Run by a test in a process of its own: imports once, forks four processes, and trains in every layout, one by one.

python equality_processes.py FOLDER all|few     writes FOLDER/LAYOUT.json: losses, and what was seen of the idle expert
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # FSDP2 asks for it: once, before the processes part
import torch.distributed as dist
from torch import Tensor
from torch.distributed.fsdp import FSDPModule

from mova_core.model.towers.bridge import BridgeScale
from mova_core.model.towers.dual_tower import VIDEO_COMPONENTS, DualTower, LatentPair
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params
from mova_core.params.model import LossParams, ModelParams, OptimizerParams, ParallelParams, TowerParams, TrainParams
from mova_core.training.data.clips import BatchContext
from mova_core.training.loss import pair_loss
from mova_core.training.strategy.base import Strategy
from mova_core.training.strategy.choose import Mesh
from mova_core.training.strategy.ddp import DataParallel
from mova_core.training.strategy.fsdp import FullySharded
from mova_core.training.strategy.micro_batch import MicroBatch, local_micro_batches
from mova_core.training.strategy.single import SingleProcess

STEPS, BATCH, MICRO_BATCHES = 20, 4, 4
TOWER = TowerParams(width=72, heads=3, layers=1, mlp_width=96)
SIZE = ModelParams(video=TOWER, audio=TOWER)
GRID, AUDIO = (3, 2, 2), 12  # 3 tokens each: not even, and 3 heads, of 2 processes
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Layout:
    """How many processes, how they are laid out, in what precision."""

    processes: int = 1
    parallel: ParallelParams = ParallelParams()  # noqa: RUF009 - frozen
    options: dict[str, Any] = field(default_factory=dict)


LAYOUTS = {
    "1 process": Layout(),
    "1 process, full": Layout(options={"checkpointing": "full"}),
    "2 x DDP": Layout(2),
    "2 x FSDP2": Layout(2, ParallelParams(shard=2)),
    "2 x FSDP2, full, gathered once": Layout(2, ParallelParams(shard=2, reshard=False), {"checkpointing": "full"}),
    "2 x 2 HSDP": Layout(4, ParallelParams(shard=2)),
    "2 x Ulysses": Layout(2, ParallelParams(context=2)),
    "2 x 2 FSDP2 and Ulysses, selective": Layout(4, ParallelParams(shard=2, context=2), {"checkpointing": "selective"}),
    "1 process, bfloat16": Layout(options={"precision": "bfloat16"}),
    "2 x DDP, bfloat16": Layout(2, options={"precision": "bfloat16"}),
    "2 x FSDP2, bfloat16": Layout(2, ParallelParams(shard=2), {"precision": "bfloat16"}),
}
FEW = ("1 process", "2 x DDP", "2 x FSDP2", "2 x 2 HSDP", "2 x Ulysses")
RESUMED = "2 x 2 HSDP"  # the layout in which what a strategy gives is taken by another


def towers() -> DualTower:
    model = preset_dual_tower(Params(train=TrainParams(model=SIZE)))
    generator = torch.Generator().manual_seed(7)
    for name, parameter in model.named_parameters():
        if ".inner.o.weight" in name:  # zero at first
            parameter.data.normal_(std=0.02, generator=generator)
    return model


def loss_of(step: int, model: Any, micro_batch: MicroBatch) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1000 + step)

    def draw(*shape: int) -> Tensor:
        return torch.randn(BATCH, *shape, generator=generator)[micro_batch.rows]

    clean, noise = (LatentPair(draw(16, *GRID), draw(16, AUDIO)) for _ in range(2))
    condition, context = draw(20, *GRID), draw(5, 64)
    sigma_B2 = torch.rand(BATCH, 2, generator=generator)[micro_batch.rows]
    acts_B = torch.tensor([True, True, False, True])[micro_batch.rows]
    loss = pair_loss(
        model,
        clean,
        noise,
        sigma_B2,
        condition,
        BatchContext(context, torch.arange(len(context))),
        expert=VIDEO_COMPONENTS[step % 2],
        video_fps=16.0,
        bridge_scale=BridgeScale(acts_B=acts_B),
    ).weighted(LossParams())
    return loss, loss.detach()


def opened(layout: Layout, rank: int) -> Strategy:
    mesh = Mesh.of(layout.parallel, layout.processes, rank)
    micro_batches = local_micro_batches(MICRO_BATCHES, BATCH, mesh.data_rank, mesh.data_ranks, CPU)
    model = towers()
    weights = dict(model.named_parameters())
    blueprint = towers().to("meta")
    parts = blueprint, weights.__getitem__, OptimizerParams(warmup_steps=0), micro_batches, CPU
    if layout.processes == 1:
        return SingleProcess(*parts, **layout.options)
    if layout.parallel.shard * layout.parallel.context == 1:
        return DataParallel(*parts, **layout.options)
    strategy = FullySharded(layout.parallel, *parts, **layout.options)
    assert isinstance(strategy.module, FSDPModule) and isinstance(strategy.average, FSDPModule)
    return strategy


def here(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """This process's parts of weights and moments of a component."""
    names = [name for name in state if name.startswith((f"model.{prefix}.", f"optimizer.{prefix}."))]
    return {name: getattr(state[name], "_local_tensor", state[name]).clone() for name in names}


def train(name: str, layout: Layout, rank: int) -> dict[str, Any]:
    losses, norms, still = [], [], True
    with opened(layout, rank) as strategy:
        for step in range(STEPS):
            idle = VIDEO_COMPONENTS[1 - step % 2]
            before = here(strategy.state(), idle)
            results = strategy.backward(partial(loss_of, step))
            losses.append(float(strategy.gather(torch.stack(results)).mean()))
            norms.append(float(strategy.grad_norm()))
            strategy.step(step, 1.0)
            after = here(strategy.state(), idle)
            still &= before.keys() == after.keys() and all(torch.equal(after[name], before[name]) for name in before)
        with torch.inference_mode():
            validation = float(loss_of(STEPS, strategy.average, MicroBatch(0, 1, CPU))[0])
        if name == RESUMED:
            resumed(layout, rank, strategy)
    return {"losses": losses, "norms": norms, "idle_expert_is_still": still, "validation": validation}


def resumed(layout: Layout, rank: int, trained: Strategy) -> None:
    """What a strategy gives, another of the same layout takes, whole or in parts."""
    state = trained.state()
    for given in (state, {name: whole(tensor) for name, tensor in state.items()}):
        with opened(layout, rank) as other:
            other.load(given)
            found = other.state()
            assert found.keys() == state.keys()
            for name, tensor in found.items():
                assert type(tensor) is type(state[name]), name
                assert torch.equal(whole(tensor), whole(state[name])), name


def whole(tensor: Any) -> Tensor:
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def one_of(rank: int, folder: Path, names: Sequence[str]) -> None:
    torch.set_num_threads(1)
    for number, name in enumerate(names):
        layout = LAYOUTS[name]
        if rank >= layout.processes:
            continue
        if layout.processes > 1:
            store = f"file://{folder}/{number}"
            options: dict[str, Any] = {"world_size": layout.processes, "timeout": timedelta(minutes=2)}
            dist.init_process_group("gloo", init_method=store, rank=rank, **options)
        found = train(name, layout, rank)
        assert found["idle_expert_is_still"], f"{name}, process {rank}"
        if rank == 0:
            (folder / f"{name}.json").write_text(json.dumps(found))
        if layout.processes > 1:
            dist.barrier()
            dist.destroy_process_group()


def forked(function: Callable[..., None], *args: Any) -> int:
    if child := os.fork():
        return child
    function(*args)
    os._exit(0)


if __name__ == "__main__":
    names = tuple(LAYOUTS) if sys.argv[2] == "all" else FEW
    children = [forked(one_of, rank, Path(sys.argv[1]), names) for rank in range(4)]
    assert not any([os.waitpid(child, 0)[1] for child in children])
