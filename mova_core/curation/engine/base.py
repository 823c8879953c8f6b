"""Run one function over many files, each in a worker that may crash, hang or eat memory without harming the rest.

Results come back in the order of the items whatever the engine and the number of workers, so tables are the same
bytes. `local` is a pool of processes on this machine (pebble); `ray` is the same functions on a Ray cluster. An item
whose worker crashed or ran out of memory is tried once more; then it is given up with the reason, and the others go on.
A full disk is no item's fault and stops the run.
What a worker holds stands in one table for both, section `engine` of the params.
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Literal

from mova_core.curation.engine.worker import Attempt, TaskResult
from mova_core.errors import DiskFull, UsageError
from mova_core.params import Limits, Resources

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


def run(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    *,
    engine: Engine,
    limits: Limits,
    preload: tuple[str, ...] = (),
) -> Iterator[TaskResult]:
    """Apply `function` to each item in worker processes; yield results in the order of the items.

    Args:
        function: importable at top level; takes one picklable item, returns a JSON-able value. A `MediaError` it raises
            becomes a TaskResult with that code, any other exception `unexpected_error` with its traceback in the log; a
            dead worker becomes `worker_died`, one over its time `time_limit`, one over its memory `memory_limit`.
        items: picklable values.
        engine: where to run.
        limits: seconds and MiB per item, where the engine's resources say nothing else.
        preload: modules that the workers of a machine share from one import, such as `torch`.

    Raises:
        DiskFull: a worker found no room for what it had to write.
        UsageError, MovaError: what `ray_engine.run_on_ray` says of the cluster.
    """
    held = engine.resources
    own = {"seconds_per_file": held.seconds, "memory_mb": held.memory_mb}
    bound = limits.model_copy(update={name: value for name, value in own.items() if value is not None})
    attempt = Attempt(function, bound, held.cpu)
    with closing(_task_results(attempt, items, engine, preload)) as results:
        for result in results:
            if result.is_full_disk:
                raise DiskFull(result.reason)
            yield result


def _task_results(
    attempt: Attempt, items: Iterable[Any], engine: Engine, preload: tuple[str, ...]
) -> Generator[TaskResult, None, None]:
    if engine.name == "ray":
        from mova_core.curation.engine.ray import run_on_ray

        return run_on_ray(attempt, items, engine, preload)
    from mova_core.curation.engine.local import run_locally

    return run_locally(attempt, items, engine.workers, preload)
