"""Whether a device has the memory that a request needs, asked before anything is loaded."""

from pathlib import Path

import psutil

from mova_core.devices import gpu_count
from mova_core.errors import UsageError
from mova_core.model.pretrained.index import FolderIndex
from mova_core.params.runtime import MEMORY_MODES, ON_ANY_DEVICE, Memory, RuntimeParams
from mova_core.plan.hardware import USABLE
from mova_core.sampling.plan.memory import memory_total
from mova_core.sampling.plan.workload import ClipWorkload
from mova_core.sampling.settings import GenerateSettings

CGROUP = Path("/sys/fs/cgroup")


def check_memory(
    index: FolderIndex,
    settings: GenerateSettings,
    runtime: RuntimeParams = ON_ANY_DEVICE,
    clips: int = 1,
    processes: int = 1,
) -> None:
    """Refuse a request that the device of the towers has too little memory for.

    Args:
        index: of the model's folder.
        settings: of the clips.
        runtime: device, dtypes and memory mode.
        clips: generated together.
        processes: that hold the model on that device.

    Raises:
        UsageError: it does not fit; names the mode that does, if one does.
        StaleError: a file of weights is damaged.
    """
    device = runtime.device_of("towers")
    if device == "auto":
        device = "cuda" if gpu_count() else "cpu"
    work = ClipWorkload.of_folder(index, settings, runtime, clips)
    check_fits(work, runtime.memory, device, available_bytes(device), processes)


def check_fits(work: ClipWorkload, mode: Memory, device: str, free: float, processes: int = 1) -> None:
    """Refuse what needs more than the usable part of the `free` bytes of a device; errors as of `check_memory`."""
    need, usable = processes * memory_total(work, mode), USABLE * free
    if need <= usable:
        return
    # What is taken off the processor has nowhere to go.
    fitting = [] if device == "cpu" else [each for each in MEMORY_MODES if memory_total(work, each) <= usable]
    way = f"set memory to {fitting[0]}" if fitting else "ask for fewer frames or a smaller height and width"
    in_all = f"in {processes} processes " if processes > 1 else ""
    raise UsageError(
        f"{work.name} needs {need / 1e9:.1f} GB of memory on {device} with memory {mode} {in_all}for "
        f"{work.geometry.frames} frames of {work.canvas.width_px}x{work.canvas.height_px}, expected at most "
        f"{usable / 1e9:.1f} of the {free / 1e9:.1f} GB that are free: {way}"
    )


def available_bytes(device: str) -> float:
    """Memory that is free on a device: of the processor what the system and the container leave."""
    if device == "cpu":
        return min(psutil.virtual_memory().available, _left_by_container())
    import torch  # takes seconds, and the processor does not need it

    free, _ = torch.cuda.mem_get_info(torch.device(device))
    return free


def _left_by_container() -> float:
    """Bytes under the limit of this process's control group (version 2), infinite where none is set."""
    try:
        limit, used = ((CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        cache = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())["inactive_file"]
    except (OSError, KeyError):
        return float("inf")
    return float("inf") if limit == "max" else int(limit) - int(used) + int(cache)
