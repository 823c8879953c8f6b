"""What a run's training has cost so far, added up over every time that it went on: for its model card.

    .mova/usage/RUN_ID.json    {"schema", "device", "devices", "device_s", "cpu_s"}
It lies outside of the run's folder, whose bytes do not depend on how long anything took. What a process spent that was
killed is not in it, and neither are what another machine spent and a call that found the run finished.
"""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import torch

from mova_core.errors import StaleError
from mova_core.places import USAGE
from mova_core.storage.atomic import make_folder
from mova_core.storage.manifest import Manifest, read_manifest, write_manifest
from mova_core.training.processes import process_count, rank


class Usage(Manifest):
    """Of one run.

    Args:
        device: that trained it, as its driver names it; `cpu`.
        devices: how many of them the last time.
        device_s: seconds in which they trained, of all of them together.
        cpu_s: seconds of processor, of all processes.
    """

    SCHEMA: ClassVar[str | None] = "usage/1"

    device: str
    devices: int
    device_s: float
    cpu_s: float


def usage_of(run_id: str, root: Path = Path()) -> Usage | None:
    """What a run has cost on this machine; None where it is not known.

    Args:
        run_id: of the run.
        root: the project's folder.
    """
    try:
        return read_manifest(_file(run_id, root), Usage)[0]
    except StaleError:
        return None


@contextmanager
def adding_usage(run_id: str, root: Path = Path()) -> Iterator[None]:
    """Add what happens inside to a run's usage, whether it succeeds or not; the first process of several writes it.

    Processes of one training are alike, so the first one's seconds count for each of them.
    """
    wall_s, cpu_s = time.monotonic(), _cpu_s()
    try:
        yield
    finally:
        if rank() == 0:
            processes, before = process_count(), usage_of(run_id, root)
            usage = Usage(
                device=torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
                devices=processes,
                device_s=(before.device_s if before else 0.0) + processes * (time.monotonic() - wall_s),
                cpu_s=(before.cpu_s if before else 0.0) + processes * (_cpu_s() - cpu_s),
            )
            make_folder(_file(run_id, root).parent)
            write_manifest(_file(run_id, root), usage)


def _file(run_id: str, root: Path) -> Path:
    return root / USAGE / f"{run_id}.json"


def _cpu_s() -> float:
    """Of this process and of those that it started and that have ended."""
    each = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(spent.ru_utime + spent.ru_stime for spent in each)
