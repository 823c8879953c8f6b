"""The local engine: a pool of worker processes on this machine."""

import logging
from collections import deque
from collections.abc import Generator, Iterable
from typing import Any

from mova_core.curation.engine.pool import PendingTask, WorkerKind, WorkerPool
from mova_core.curation.engine.worker import LimitedCall, TaskResult

log = logging.getLogger(__name__)

AHEAD_PER_WORKER = 4  # items handed out before their turn comes to be yielded


def run_locally(
    call: LimitedCall, items: Iterable[Any], workers: int, preload: tuple[str, ...]
) -> Generator[TaskResult, None, None]:
    """Results in the order of the items (see `engine.run`)."""
    waiting: deque[tuple[Any, PendingTask]] = deque()
    pool = WorkerPool(WorkerKind(call.limits, call.threads, preload), workers)

    def next_result() -> TaskResult:
        item, task = waiting.popleft()
        result = pool.result(task)
        if result.ended_its_worker:
            log.warning("%s; tried again: %.200r", result.reason, item)
            result = pool.result(pool.hand_out(call, item, call.seconds_for(item))).second()
        return result

    try:
        for item in items:
            waiting.append((item, pool.hand_out(call, item, call.seconds_for(item))))
            if len(waiting) >= workers * AHEAD_PER_WORKER:
                yield next_result()
        while waiting:
            yield next_result()
    finally:
        pool.stop()
