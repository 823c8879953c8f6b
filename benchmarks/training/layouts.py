"""What each strategy of training costs on two processes beside one, and what a process holds beside its plan."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, row
from benchmarks.training.made_latents import write_latents
from benchmarks.training.processes import LARGE, LAYOUTS, ONE, PHASE, params_of
from mova_core.params import Params
from mova_core.params.model import ModelParams, ParallelParams
from mova_core.training.plan.memory import memory_by_part
from mova_core.training.plan.workload import workload_of
from mova_core.training.strategy.layout import Layout


def strategies() -> list[Row]:
    """A step of two processes under each strategy, against one process that has both cores."""
    times = _in_processes(2, "steps")[0]
    alone = times.pop(ONE)
    return [
        row(
            f"training.step_{name}",
            [mine / other for mine, other in zip(each, alone, strict=True)],
            against=f"one process with two threads, phase1: {1000 * statistics.median(alone):.1f} ms a step",
            better="lower",
        )
        for name, each in times.items()
    ]


def memory() -> list[Row]:
    """What a process grows by while it trains, against what `mova plan` says."""
    found = []
    for name, parallel in LAYOUTS.items():
        processes = 1 if name == ONE else 2
        grown = max(_in_processes(processes, "memory", name))
        work = workload_of(PHASE, params_of(name, ModelParams(video=LARGE, audio=LARGE)))
        plan = memory_by_part(work, Layout.of(ParallelParams(**parallel), processes), "none", "float32")
        planned = sum(plan.values())
        against = f"the plan of {planned / 1e6:.0f} MB, of which weights {plan['weights'] / 1e6:.0f} MB"
        name = f"training.memory_{name.replace(' ', '_')}"
        found.append(row(name, [grown / planned], against=against, better="lower", target=1.15))
    return found


def _in_processes(count: int, what: str, *layout: str) -> list[Any]:
    """What `processes.py` finds, by rank."""
    # Larger blocks go back when they are freed, so that a process has what it holds.
    settings = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "MALLOC_MMAP_THRESHOLD_": "65536"}
    with tempfile.TemporaryDirectory() as folder:
        write_latents(Path(folder, "latents"), PHASE.geometry(Params()))
        start = ("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}")
        subject = ("-m", "benchmarks.training.processes", what, f"{folder}/latents", folder, *layout)
        ended = subprocess.run([sys.executable, *start, *subject], env=os.environ | settings, capture_output=True)
        if ended.returncode:
            raise RuntimeError(ended.stderr.decode()[-2000:])
        paths = (Path(folder, f"{what}-{'-'.join(layout)}{rank}.json") for rank in range(count))
        return [json.loads(path.read_text()) for path in paths]
