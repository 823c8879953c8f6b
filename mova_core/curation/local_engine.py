"""The local engine: a pool of processes on this machine, each item with its own time limit.

Workers are forked from a clean server process that has imported the heavy modules once, so a worker that dies or is
stopped is replaced in milliseconds.
"""

import logging
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

log = logging.getLogger(__name__)

AHEAD_PER_WORKER = 4  # items handed out before their turn comes to be yielded


def run_locally(attempt: Attempt, items: Iterable[Any], workers: int, preload: tuple[str, ...]) -> Iterator[Outcome]:
    """Outcomes in the order of the items (see `engine.run`)."""
    context = multiprocessing.get_context("forkserver")
    multiprocessing.set_forkserver_preload(["mova_core.curation.worker", *preload])
    with _environment(ONE_THREAD):
        multiprocessing.forkserver.ensure_running()
    waiting: deque[tuple[Any, ProcessFuture[Outcome]]] = deque()
    arguments = (attempt.limits, attempt.threads)
    pool = ProcessPool(workers, context=context, initializer=prepare_worker, initargs=arguments)

    def hand_out(item: Any) -> "ProcessFuture[Outcome]":
        return pool.schedule(attempt, args=(item,), timeout=attempt.limits.seconds_per_file)

    def next_outcome() -> Outcome:
        item, future = waiting.popleft()
        outcome = _outcome(future, attempt)
        if outcome.ended_its_worker:
            log.warning("%s; tried again: %.200r", outcome.reason, item)
            outcome = _outcome(hand_out(item), attempt).second()
        return outcome

    try:
        for item in items:
            waiting.append((item, hand_out(item)))
            if len(waiting) >= workers * AHEAD_PER_WORKER:
                yield next_outcome()
        while waiting:
            yield next_outcome()
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
