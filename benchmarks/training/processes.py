"""Run in processes of its own by `parts.py`: the time of a step under each strategy, and what a process holds.

python -m benchmarks.training.processes steps LATENTS OUT     under torchrun, two processes; seconds of a step by layout
python -m benchmarks.training.processes memory LATENTS OUT LAYOUT     under torchrun; bytes that a process grew by
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch.distributed as dist

from mova_core.model.single_thread import single_thread
from mova_core.model.weights.fresh import FreshWeights
from mova_core.params import Params
from mova_core.params.model import ModelParams, TowerParams
from mova_core.training.loop import _loss_of
from mova_core.training.recipe import PHASES
from mova_core.training.run import batches_of, objective_of
from mova_core.training.start import start_of
from mova_core.training.strategy.choose import open_strategy

ONE = "one process"
LAYOUTS: Mapping[str, dict[str, Any]] = {
    ONE: {},
    "ddp": {},
    "fsdp2": {"shard": 2},
    "ulysses": {"context": 2},
    "zero2": {"backend": "zero2"},
    "zero3": {"backend": "zero3"},
}
PHASE = PHASES["phase1"]
WARM_UP_STEPS, STEPS, REPEATS = 2, 8, 3
LARGE = TowerParams(width=512, heads=4, layers=6, mlp_width=2048)  # beside which a process's own memory is small


def params_of(layout: str, size: ModelParams | None = None, **changes: Any) -> Params:
    """Those of the project with a layout and perhaps another size of the model."""
    train = Params().train
    parallel = train.parallel.model_copy(update=LAYOUTS[layout])
    update = {"parallel": parallel, **changes} | ({} if size is None else {"model": size})
    return Params(train=train.model_copy(update=update))


def steps_of(latents: Path, steps: int, params: Params) -> float:
    """Seconds of a step in the mean, but for those that warm up."""
    batches = batches_of(PHASE, params, latents)
    objective, _ = objective_of(PHASE, params, batches)
    start = start_of(PHASE, params, {}, batches.sizes())
    weights = FreshWeights(0, start.blueprint)
    with open_strategy(params.train, start.blueprint, weights, PHASE.params(params.train).batch) as strategy:
        begun = 0.0
        for step in range(steps):
            if step == WARM_UP_STEPS:
                begun = time.perf_counter()
            strategy.backward(partial(_loss_of, objective, step))
            strategy.grad_norm()
            strategy.step(step, 1.0)
    return (time.perf_counter() - begun) / max(1, steps - WARM_UP_STEPS)


def time_steps(latents: Path) -> dict[str, list[float]]:
    """Seconds of a step of each layout, in turn; one process has both cores, the other waits."""
    rank, found = int(os.environ["RANK"]), {name: [] for name in LAYOUTS}  # type: dict[str, list[float]]
    for _ in range(REPEATS):
        for name, times in found.items():
            alone = name == ONE
            os.environ["WORLD_SIZE"] = "1" if alone else "2"
            if not alone or rank == 0:
                times.append(steps_of(latents, WARM_UP_STEPS + STEPS, params_of(name)))
            if dist.is_initialized():
                dist.barrier()
    return found


def measure_memory(latents: Path, layout: str) -> int:
    """By how many bytes this process grew at most, through two steps, one of each expert, of one clip at a time."""
    processes = int(os.environ["WORLD_SIZE"])
    own = Params().train.phase1.model_copy(update={"batch": processes})
    changes = {"micro_batches": processes, "phase1": own}
    steps_of(latents, 2, params_of(layout, **changes))  # loads all code
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts anew
    before = _status("VmRSS")
    steps_of(latents, 2, params_of(layout, ModelParams(video=LARGE, audio=LARGE), **changes))
    return _status("VmHWM") - before


def _status(field: str) -> int:
    """A size of this process, bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


if __name__ == "__main__":
    what, latents, out, *layout = sys.argv[1:]
    with single_thread():
        found: Any = time_steps(Path(latents)) if what == "steps" else measure_memory(Path(latents), *layout)
    Path(out, f"{what}-{'-'.join(layout)}{os.environ['RANK']}.json").write_text(json.dumps(found))
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
