"""The local engine: a pool of processes on this machine, each item with its own time limit.

Workers are forked from a clean server process that has imported the heavy modules once, so a worker that dies or is
stopped is replaced in milliseconds.
"""

import multiprocessing
import multiprocessing.forkserver
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from mova_core.curation.worker import ONE_THREAD, Attempt, Outcome, prepare_worker

AHEAD_PER_WORKER = 4  # items handed out before their turn comes to be yielded


def run_locally(attempt: Attempt, items: Iterable[Any], workers: int, preload: tuple[str, ...]) -> Iterator[Outcome]:
    """Outcomes in the order of the items (see `engine.run`)."""
    context = multiprocessing.get_context("forkserver")
    multiprocessing.set_forkserver_preload(["mova_core.curation.worker", *preload])
    with _environment(ONE_THREAD):
        multiprocessing.forkserver.ensure_running()
    waiting: deque[ProcessFuture[Outcome]] = deque()
    pool = ProcessPool(workers, context=context, initializer=prepare_worker, initargs=(attempt.limits,))
    try:
        for item in items:
            waiting.append(pool.schedule(attempt, args=(item,), timeout=attempt.limits.seconds_per_file))
            if len(waiting) >= workers * AHEAD_PER_WORKER:
                yield _outcome(waiting.popleft(), attempt)
        while waiting:
            yield _outcome(waiting.popleft(), attempt)
        pool.close()
    finally:
        pool.stop()
        pool.join()


def _outcome(future: "ProcessFuture[Outcome]", attempt: Attempt) -> Outcome:
    try:
        return future.result()
    except FutureTimeout:
        return Outcome.over_time(attempt.limits)
    except ProcessExpired as death:
        return Outcome.died(f"exit code {death.exitcode}")
    except MemoryError:  # raised while the answer was being sent
        return Outcome.over_memory(attempt.limits)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
