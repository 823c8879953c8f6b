"""Run one function over many files, each in a worker that may crash, hang or eat memory without harming the rest.

Results come back in the order of the items whatever the engine and the number of workers, so tables are the same
bytes. `local` is a pool of processes on this machine (pebble); `ray` is the same functions on a Ray cluster.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from mova_core.curation.worker import Attempt, Outcome
from mova_core.errors import UsageError
from mova_core.params import Limits


@dataclass(frozen=True, slots=True)
class Engine:
    """Where work runs; never part of a result.

    Args:
        name: `local` or `ray`.
        workers: processes at once, at least 1.
    """

    name: Literal["local", "ray"] = "local"
    workers: int = 1

    @classmethod
    def choose(cls, name: str = "local", workers: int = 0) -> "Engine":
        """The engine of that name; 0 workers means `MOVA_WORKERS`, or else one per processor.

        Raises:
            UsageError: no such engine, or a number of workers that is not a positive whole number.
        """
        if name not in ("local", "ray"):
            raise UsageError(f"--engine is {name!r}, expected local or ray")
        asked = str(workers or os.environ.get("MOVA_WORKERS") or len(os.sched_getaffinity(0)))
        if not asked.isdecimal() or int(asked) < 1:
            raise UsageError(f"MOVA_WORKERS is {asked!r}, expected a whole number of at least 1")
        return cls(name="ray" if name == "ray" else "local", workers=int(asked))


def run(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    *,
    engine: Engine,
    limits: Limits,
    preload: tuple[str, ...] = (),
) -> Iterator[Outcome]:
    """Apply `function` to each item in worker processes; yield outcomes in the order of the items.

    Args:
        function: importable at top level; takes one picklable item, returns a JSON-able value. A `MediaError` it raises
            becomes an Outcome with that code, any other exception `unexpected_error` with its traceback in the log; a
            dead worker becomes `worker_died`, one over its time `time_limit`, one over its memory `memory_limit`.
        items: picklable values.
        engine: where to run.
        limits: seconds and MiB per item.
        preload: modules that local workers share from one import, such as `torch`.
    """
    attempt = Attempt(function, limits)
    if engine.name == "ray":
        from mova_core.curation.ray_engine import run_on_ray

        return run_on_ray(attempt, items, engine.workers)
    from mova_core.curation.local_engine import run_locally

    return run_locally(attempt, items, engine.workers, preload)
