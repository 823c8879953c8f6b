"""Run by a test in a process of its own: imports once, forks four processes, and trains in every layout, one by one.

Layouts of as many processes share a process group.

python equality_processes.py FOLDER all|few     writes FOLDER/LAYOUT.json: losses, and what was seen of the idle expert
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
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
from mova_core.training.checkpoints.checkpoint import CheckpointManifest, finished
from mova_core.training.checkpoints.reader import restore
from mova_core.training.checkpoints.saver import CheckpointSaver
from mova_core.training.data.clips import BatchContext
from mova_core.training.loss import pair_loss
from mova_core.training.strategy.base import Setup, Strategy
from mova_core.training.strategy.ddp import DataParallel
from mova_core.training.strategy.deepspeed_config import STAGES
from mova_core.training.strategy.fsdp import FullySharded
from mova_core.training.strategy.layout import Layout as Grid
from mova_core.training.strategy.micro_batch import MicroBatch, local_micro_batches
from mova_core.training.strategy.single import SingleProcess
from mova_core.training.strategy.zero import Zero, load_deepspeed

STEPS, BATCH = 20, 4
TOWER = TowerParams(width=36, heads=3, layers=1, mlp_width=48)
SIZE = ModelParams(video=TOWER, audio=TOWER)
GRID, AUDIO = (3, 2, 2), 12  # 3 tokens each: not even, and 3 heads, of 2 processes
CPU = torch.device("cpu")
MANIFEST = CheckpointManifest(
    phase="phase1", step=STEPS, fingerprint="", latents="0" * 64, clips=STEPS * BATCH, validation_loss=None
)


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
    "2 x ZeRO-1": Layout(2, ParallelParams(backend="zero1")),
    "2 x ZeRO-2": Layout(2, ParallelParams(backend="zero2")),
    "2 x ZeRO-3, full": Layout(2, ParallelParams(backend="zero3"), {"checkpointing": "full"}),
    "2 x 2 FSDP2 and Ulysses, selective": Layout(4, ParallelParams(shard=2, context=2), {"checkpointing": "selective"}),
    "2 x 2 HSDP, selective": Layout(4, ParallelParams(shard=2), {"checkpointing": "selective"}),
    "1 process, bfloat16": Layout(options={"precision": "bfloat16"}),
    "2 x DDP, bfloat16": Layout(2, options={"precision": "bfloat16"}),
    "2 x FSDP2, bfloat16": Layout(2, ParallelParams(shard=2), {"precision": "bfloat16"}),
    "2 x ZeRO-3, bfloat16": Layout(2, ParallelParams(backend="zero3"), {"precision": "bfloat16"}),
}
FEW = ("1 process", "2 x DDP", "2 x FSDP2", "2 x 2 HSDP", "2 x Ulysses", "2 x ZeRO-2")
RESUMED = {  # the layouts whose state another takes, and which
    "2 x ZeRO-2": "2 x FSDP2",
    "2 x ZeRO-3, full": "2 x FSDP2",
    "2 x 2 HSDP, selective": "2 x 2 HSDP",
}


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
    grid = Grid.of(layout.parallel, layout.processes)
    each = 1 if layout.parallel.context > 1 else 2  # accumulation is FSDP2's there
    count = min(each * grid.data_ranks, BATCH)
    micro_batches = local_micro_batches(count, BATCH, grid.data_rank(rank), grid.data_ranks, CPU)
    model = towers()
    weights = dict(model.named_parameters())
    blueprint = towers().to("meta")
    optimizer = OptimizerParams(warmup_steps=0)
    setup = Setup(blueprint, weights.__getitem__, optimizer, micro_batches, CPU, **layout.options)
    if layout.processes == 1:
        return SingleProcess(setup)
    if stage := STAGES.get(layout.parallel.backend):
        return Zero(stage, setup)
    if layout.parallel.shard * layout.parallel.context == 1:
        return DataParallel(setup)
    strategy = FullySharded(layout.parallel, setup)
    assert isinstance(strategy.module, FSDPModule) and isinstance(strategy.average, FSDPModule)
    return strategy


def here(strategy: Any, component: str) -> dict[str, Tensor]:
    """This process's parts of weights and moments of a component, copied; no process asks another."""
    found = {}
    for name, parameter in strategy.module.get_submodule(component).named_parameters():
        if isinstance(strategy, Zero):
            part = strategy._parts[f"{component}.{name}"]
            held, moments, cut = part.flat, strategy._client.state.get(part.flat, {}), part.of
        else:
            held, moments, cut = parameter, strategy._optimizer.state.get(parameter, {}), here_of
        for kind, value in {"weight": held, **moments}.items():
            found[f"{name} {kind}"] = (cut(value) if value.dim() else value).detach().clone()
    return found


def train(name: str, layout: Layout, rank: int, folder: Path) -> dict[str, Any]:
    losses, norms, still = [], [], True
    with opened(layout, rank) as strategy:
        for step in range(STEPS):
            idle = VIDEO_COMPONENTS[1 - step % 2]
            before = here(strategy, idle)
            results = strategy.backward(partial(loss_of, step))
            losses.append(float(strategy.gather(torch.stack(results)).mean()))
            norms.append(float(strategy.grad_norm()))
            strategy.step(step, 1.0)
            after = here(strategy, idle)
            still &= before.keys() == after.keys() and all(torch.equal(after[name], before[name]) for name in before)
        with torch.inference_mode():
            validation = float(loss_of(STEPS, strategy.average, MicroBatch(0, 1, CPU))[0])
            step_of_a_sampler(strategy.average)
        if name in RESUMED:
            resumed(layout, LAYOUTS[RESUMED[name]], rank, strategy, folder / f"{name} checkpoints")
    return {"losses": losses, "norms": norms, "idle_expert_is_still": still, "validation": validation}


def step_of_a_sampler(model: Any) -> None:
    """It computes what no step changes once, whatever the layout; the bits are those of a step that does not."""
    noisy, text = LatentPair(torch.ones(2, 16, *GRID), torch.ones(2, 16, AUDIO)), torch.ones(2, 5, 64)
    options: dict[str, Any] = {"expert": VIDEO_COMPONENTS[1], "video_fps": 16.0}
    tables = model.tables(noisy, text, **options)
    once, anew = (
        model(noisy, torch.full((2, 2), 500.0), torch.ones(2, 20, *GRID), context, **options)
        for context in (tables, text)
    )
    assert torch.equal(once.video, anew.video) and torch.equal(once.audio, anew.audio)


def resumed(layout: Layout, other: Layout, rank: int, trained: Strategy, folder: Path) -> None:
    """What a strategy saves or gives, another takes, from a checkpoint or whole, and gives it back for one like it."""
    state = trained.state()
    with CheckpointSaver(folder, 1, trained) as saver:
        saver.save(MANIFEST)
    trained.wait()
    with opened(other, rank) as taken:
        restore(finished(folder)[-1], taken)
        same(taken.state(), state)
        for tensor in taken.state().values():
            here_of(tensor).zero_()
        taken.load({name: whole(tensor) for name, tensor in state.items()})
        same(taken.state(), state)
        with opened(layout, rank) as again:
            again.load(taken.state())
            same(again.state(), state)


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert type(tensor) is type(expected[name]), name
        assert torch.equal(here_of(tensor), here_of(expected[name])), name


def here_of(tensor: Any) -> Tensor:
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def whole(tensor: Any) -> Tensor:
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def one_of(rank: int, folder: Path, names: Sequence[str]) -> None:
    torch.set_num_threads(1)
    for processes in (1, 2, 4):
        ours = [name for name in names if LAYOUTS[name].processes == processes]
        if rank < processes and ours:
            with group(rank, processes, folder):
                for name in ours:
                    write(train(name, LAYOUTS[name], rank, folder), name, rank, folder)


@contextmanager
def group(rank: int, processes: int, folder: Path) -> Any:
    """Processes that find each other."""
    if processes == 1:
        yield
        return
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
    store = f"file://{folder}/{processes}"
    options: dict[str, Any] = {"world_size": processes, "timeout": timedelta(minutes=10)}
    dist.init_process_group("gloo", init_method=store, rank=rank, **options)
    yield
    dist.barrier()
    dist.destroy_process_group()


def write(found: dict[str, Any], name: str, rank: int, folder: Path) -> None:
    assert found["idle_expert_is_still"], f"{name}, process {rank}"
    if rank == 0:
        (folder / f"{name}.json").write_text(json.dumps(found))


def forked(function: Callable[..., None], *args: Any) -> int:
    if child := os.fork():
        return child
    function(*args)
    os._exit(0)


if __name__ == "__main__":
    names = tuple(LAYOUTS) if sys.argv[2] == "all" else FEW
    load_deepspeed(CPU)
    children = [forked(one_of, rank, Path(sys.argv[1]), names) for rank in range(4)]
    assert not any([os.waitpid(child, 0)[1] for child in children])
