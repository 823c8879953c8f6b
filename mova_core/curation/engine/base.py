"""Which engine work runs on, with how many workers, and what each worker holds (section `engine` of the params)."""

import os
from dataclasses import dataclass, replace
from typing import Literal

from mova_core.errors import UsageError
from mova_core.params import Resources

ONE_PROCESSOR = Resources()


@dataclass(frozen=True, slots=True)
class Engine:
    """Where work runs; never part of a result.

    Args:
        name: `local` or `ray`.
        workers: processes at once, at least 1.
        fills: as many workers as the machine or the cluster holds, where nobody asked for a number.
        resources: what each worker holds.
    """

    name: Literal["local", "ray"] = "local"
    workers: int = 1
    fills: bool = False
    resources: Resources = ONE_PROCESSOR

    @classmethod
    def choose(cls, name: str = "local", workers: int = 0) -> "Engine":
        """The engine of that name; 0 workers means `MOVA_WORKERS`, or else one per processor.

        Raises:
            UsageError: no such engine, or a number of workers that is not a positive whole number.
        """
        if name not in ("local", "ray"):
            raise UsageError(f"--engine is {name!r}, expected local or ray")
        asked = str(workers or os.environ.get("MOVA_WORKERS") or "")
        number = asked or str(len(os.sched_getaffinity(0)))
        if not number.isdecimal() or int(number) < 1:
            raise UsageError(f"MOVA_WORKERS is {asked!r}, expected a whole number of at least 1")
        return cls(name="ray" if name == "ray" else "local", workers=int(number), fills=not asked)

    def with_resources(self, resources: Resources) -> "Engine":
        """This engine for a step whose workers hold these resources.

        Raises:
            UsageError: GPUs of the local engine, which hands out none.
        """
        if self.name == "local" and resources.gpu:
            raise UsageError(
                f"a worker shall hold {resources.gpu:g} GPUs (params, section engine), which the local engine does not "
                "hand out: use --engine ray, which without RAY_ADDRESS runs on this machine alone"
            )
        workers = max(1, self.workers // resources.cpu) if self.fills else self.workers
        return replace(self, workers=workers, resources=resources)
