"""Worker processes of one machine, each of which may crash, hang or eat memory without harming the rest.

They are forked from a clean server process that has imported the heavy modules once, so a worker that dies or is
stopped is replaced in milliseconds. The local engine has one pool; with Ray each task on a node has one of one worker.
"""

import multiprocessing
import multiprocessing.forkserver
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, wait
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from mova_core.curation.engine.worker import ONE_THREAD, TaskResult, prepare_worker
from mova_core.errors import MovaError
from mova_core.params import Limits

LOOK_S = 1.0  # how often a pool whose answer does not come is looked at
LOSSES = 3  # of one item with its pool before the run is given up


@dataclass(frozen=True, slots=True)
class WorkerKind:
    """What makes workers alike.

    Args:
        limits: of one item.
        threads: that it computes with.
        preload: modules that workers share from one import.
    """

    limits: Limits
    threads: int = 1
    preload: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PendingTask:
    """One item in a worker's hands, or waiting for one."""

    call: Callable[[Any], TaskResult]
    item: Any
    seconds: float
    pool: ProcessPool
    future: "ProcessFuture[TaskResult]"


class WorkerPool:
    """Workers of one kind.

    Args:
        kind: what they hold.
        workers: how many.
    """

    def __init__(self, kind: WorkerKind, workers: int) -> None:
        self.kind = kind
        self._workers = workers
        self._pool = self._new_pool()

    def hand_out(self, call: Callable[[Any], TaskResult], item: Any, seconds: float) -> PendingTask:
        """Give an item to the next worker that is free; it has so many seconds from when that takes it."""
        try:
            future = self._pool.schedule(call, args=(item,), timeout=seconds)
        except RuntimeError:  # the pool broke
            self.stop()
            self._pool = self._new_pool()
            future = self._pool.schedule(call, args=(item,), timeout=seconds)
        return PendingTask(call, item, seconds, self._pool, future)

    def result(self, task: PendingTask) -> TaskResult:
        """Wait for what became of an item; in another pool where this one breaks, as when an idle worker is killed.

        Raises:
            MovaError: one pool after the other breaks.
        """
        for _ in range(LOSSES):
            try:
                return self._answer(task)
            except BrokenExecutor:
                task = self.hand_out(task.call, task.item, task.seconds)
        raise MovaError(
            f"worker processes of {socket.gethostname()} do not start, or are killed again and again while they have "
            "nothing to do: look at its memory and at what the log says; finished parts are kept, run again to go on"
        )

    def stop(self) -> None:
        """End every worker, whatever it is at."""
        self._pool.stop()
        self._pool.join()

    def _answer(self, task: PendingTask) -> TaskResult:
        while not wait([task.future], LOOK_S).done:
            if not task.pool.active:  # it broke with the item still in its queue
                raise BrokenExecutor
        try:
            return task.future.result()
        except FutureTimeout:
            return TaskResult.over_time(task.seconds)
        except ProcessExpired as death:
            return TaskResult.died(f"exit code {death.exitcode}")
        except MemoryError:  # raised while the answer was being sent
            return TaskResult.over_memory(self.kind.limits)

    def _new_pool(self) -> ProcessPool:
        context = multiprocessing.get_context("forkserver")
        multiprocessing.set_forkserver_preload(["mova_core.curation.engine.worker", *self.kind.preload])
        with _environment(ONE_THREAD):
            multiprocessing.forkserver.ensure_running()
        arguments = (self.kind.limits, self.kind.threads)
        return ProcessPool(self._workers, context=context, initializer=prepare_worker, initargs=arguments)


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
