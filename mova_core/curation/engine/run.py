"""Run one function over many files, in workers that may crash, hang or use too much memory without harming others.

Results come back in the order of the items with any engine and any number of workers, so tables are the same bytes.
`local` is a pool of processes on this machine (pebble); `ray` runs the same functions on a Ray cluster. An item whose
worker crashed or ran out of memory is tried once more; then it fails with the reason, and the others go on. A full disk
or a file that changed meanwhile is not the fault of an item and stops the run.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any

from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.worker import LimitedCall, TaskResult
from mova_core.params import Limits


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
        StaleError: an item is not what it was when the item was made, such as a file with other bytes.
        UsageError, MovaError: what `ray.run_on_ray` says of the cluster.
    """
    held = engine.resources
    own = {"seconds_per_file": held.seconds, "memory_mb": held.memory_mb}
    bound = limits.model_copy(update={name: value for name, value in own.items() if value is not None})
    call = LimitedCall(function, bound, held.cpu)
    with closing(_task_results(call, items, engine, preload)) as results:
        for result in results:
            result.check()
            yield result


def _task_results(
    call: LimitedCall, items: Iterable[Any], engine: Engine, preload: tuple[str, ...]
) -> Generator[TaskResult, None, None]:
    if engine.name == "ray":
        from mova_core.curation.engine.ray import run_on_ray

        return run_on_ray(call, items, engine, preload)
    from mova_core.curation.engine.local import run_locally

    return run_locally(call, items, engine.workers, preload)
