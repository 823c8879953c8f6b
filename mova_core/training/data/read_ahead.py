"""Reads the next step's part of a micro-batch while the present one is computed, in one thread."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Generic, TypeVar

import torch

from mova_core.training.strategy.micro_batch import MicroBatch

Part = TypeVar("Part")
PartOf = Callable[[int, MicroBatch], Part]
"""Gives the part of a step that a micro-batch computes."""


class ReadAhead(Generic[Part]):
    """A function of (step, micro-batch) whose next value is ready when it is asked for.

    All calls of the function are in one thread, so it needs no lock.

    Args:
        read: the function.
        steps: of the phase; nothing is read beyond.

    Attributes:
        waited_s: seconds so far in which a caller, or several at once, waited for a value.
    """

    def __init__(self, read: PartOf[Part], steps: int) -> None:
        self._read, self._steps = read, steps
        self.waited_s, self._waiting, self._since, self._lock = 0.0, 0, 0.0, Lock()
        self._ready: dict[tuple[int, MicroBatch], Future[Part]] = {}
        # More than one torch thread would wait for the cores that compute.
        self._thread = ThreadPoolExecutor(1, "read-ahead", initializer=torch.set_num_threads, initargs=(1,))

    def __call__(self, step: int, micro_batch: MicroBatch) -> Part:
        """The part of this step; an error of the function is raised here."""
        future = self._ready.pop((step, micro_batch), None) or self._thread.submit(self._read, step, micro_batch)
        with self._wait():
            part = future.result()
        if step + 1 < self._steps:
            following = step + 1, micro_batch
            self._ready[following] = self._thread.submit(self._read, *following)
        return part

    @contextmanager
    def _wait(self) -> Iterator[None]:
        with self._lock:
            if self._waiting == 0:
                self._since = time.perf_counter()
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1
                if self._waiting == 0:
                    self.waited_s += time.perf_counter() - self._since
