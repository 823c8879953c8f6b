"""The Ray engine: the same calls as tasks of a Ray cluster.

A task holds its step's processors, GPUs and memory on a node and hands its item to a worker process beside it, as the
local engine does: what crashes, hangs or hoards ends that process alone, and is told in the same words.
What Ray itself loses, a node or a task's own process, is no fault of the item: it is handed out again.

No more tasks are handed out than there are workers, and every answer is taken out of Ray's object store as soon as it
is there. So the store never holds more than an item and an answer (`worker.ANSWER_MB`) for each worker, however many
items there are; the one of a cluster started here is of that size.

`RAY_ADDRESS` names a running cluster, whose nodes must have this project installed and see the footage under the same
paths; without it a cluster is started on this machine alone.
"""

import logging
import os
import pickle
import socket
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import NodeDiedError, ObjectLostError, OutOfMemoryError, RayError, WorkerCrashedError

from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.pool import WorkerKind, WorkerPool
from mova_core.curation.engine.worker import ANSWER_MB, LimitedCall, TaskResult, call_pickled
from mova_core.errors import MovaError, UsageError
from mova_core.params import Resources

log = logging.getLogger(__name__)

AHEAD_PER_WORKER = 4  # items taken in before their turn comes to be yielded
LOST = (NodeDiedError, WorkerCrashedError, ObjectLostError, OutOfMemoryError)
LOSSES = 3  # of one item by Ray before it is given up
LOOK_S = 5.0  # without news of any task: is there still a node for one?
CONNECT_S = 10.0
SMALLEST_STORE_MB = 80  # that Ray takes


@dataclass(slots=True)
class _Pending:
    """One item on its way: waiting, handed out (`answer`), or done (`result`)."""

    item: Any
    ended: bool = False  # its worker, once
    losses: int = 0
    answer: Any = None
    result: TaskResult | None = None


def run_on_ray(
    call: LimitedCall, items: Iterable[Any], engine: Engine, preload: tuple[str, ...]
) -> Generator[TaskResult, None, None]:
    """Results in the order of the items (see `run.run`).

    Raises:
        UsageError: no cluster at `RAY_ADDRESS`, or no node of it holds what one worker needs.
        MovaError: the cluster lost every such node, or cannot run this project's code.
    """
    held = engine.resources
    _connect(engine.workers * held.cpu)
    room = _room(held)
    if not room:
        raise UsageError(_too_small(held))
    workers = room if engine.fills and "RAY_ADDRESS" in os.environ else engine.workers
    tasks = _Tasks(call, held, WorkerKind(call.limits, call.threads, preload), workers)
    line: deque[_Pending] = deque()
    try:
        for item in items:
            line.append(_Pending(item))
            while len(line) >= workers * AHEAD_PER_WORKER:
                tasks.advance(line)
                yield from _finished(line)
        while line:
            tasks.advance(line)
            yield from _finished(line)
    finally:
        tasks.cancel()


def _finished(line: deque[_Pending]) -> Iterator[TaskResult]:
    while line and line[0].result is not None:
        result = line.popleft().result
        assert result is not None
        yield result


class _Tasks:
    """What is handed out."""

    def __init__(self, call: LimitedCall, held: Resources, kind: WorkerKind, workers: int) -> None:
        self._call = call
        self._held = held
        self._kind = kind
        self._workers = workers
        self._task = ray.remote(max_retries=0, **_options(held))(_call_beside)
        self._running: list[_Pending] = []

    def advance(self, line: Iterable[_Pending]) -> None:
        """Fill free workers from the line, then wait until a task ends.

        Raises:
            MovaError: none can end any more.
        """
        for pending in line:
            if len(self._running) >= self._workers:
                break
            if pending.answer is None and pending.result is None:
                pickled = pickle.dumps((self._call, pending.item))
                pending.answer = self._task.remote(self._kind, pickled, self._call.seconds_for(pending.item))
                self._running.append(pending)
        ended, _ = ray.wait([pending.answer for pending in self._running], num_returns=1, timeout=LOOK_S)
        if not ended and not _room(self._held):
            raise MovaError(f"{_too_small(self._held)}; finished parts are kept, run again to go on")
        for pending in [pending for pending in self._running if pending.answer in ended]:
            self._running.remove(pending)
            self._take(pending)

    def cancel(self) -> None:
        """End what is still running: nobody waits for it."""
        for pending in self._running:
            ray.cancel(pending.answer, force=True)

    def _take(self, pending: _Pending) -> None:
        """What became of a task: the pending's result, or it stays in line for another try."""
        answer, pending.answer = pending.answer, None
        try:
            result: TaskResult = ray.get(answer)
        except LOST as error:
            pending.losses += 1
            if pending.losses < LOSSES:
                log.warning("Ray lost its task (%s); handed out again: %.200r", type(error).__name__, pending.item)
            else:
                pending.result = TaskResult.died(f"Ray lost its task {LOSSES} times, at last by {type(error).__name__}")
            return
        except RayError as error:
            raise MovaError(
                f"a Ray worker cannot do its work ({' '.join(str(error).split())[-300:]}): all nodes need the same "
                "Python, Ray and version of this project"
            ) from None
        if result.ended_its_worker and not pending.ended:
            log.warning("%s; tried again: %.200r", result.reason, pending.item)
            pending.ended = True
        else:
            pending.result = result.second()


_pool: WorkerPool | None = None  # in the process of a Ray worker: it outlives the task, as that process does


def _call_beside(kind: WorkerKind, pickled: bytes, seconds: float) -> TaskResult:
    """The task: on its node, in a worker process of its own."""
    global _pool
    if _pool is not None and _pool.kind != kind:
        _pool.stop()
        _pool = None
    if _pool is None:
        _pool = WorkerPool(kind, workers=1)
    return _pool.result(_pool.hand_out(call_pickled, pickled, seconds))


def _options(held: Resources) -> dict[str, Any]:
    """What Ray sets aside for one task."""
    memory = {} if held.memory_mb is None else {"memory": held.memory_mb * 2**20}
    return {"num_cpus": held.cpu, "num_gpus": held.gpu, **memory}


def _room(held: Resources) -> int:
    """How many workers with these resources the cluster holds."""
    needed = {"CPU": held.cpu, "GPU": held.gpu, "memory": (held.memory_mb or 0) * 2**20}
    return sum(int(min(node.get(name, 0) // amount for name, amount in needed.items() if amount)) for node in _nodes())


def _nodes() -> list[dict[str, float]]:
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _too_small(held: Resources) -> str:
    """Why there is room for no worker; Ray would wait for ever."""
    nodes = _nodes()
    largest = ", ".join(
        f"{max((node.get(name, 0) for node in nodes), default=0) / unit:g} {what}"
        for name, unit, what in (("CPU", 1, "processors"), ("GPU", 1, "GPUs"), ("memory", 2**20, "MiB"))
    )
    return (
        f"no node of the Ray cluster holds a worker of {held.cpu} processors, {held.gpu:g} GPUs and "
        f"{held.memory_mb or 0} MiB (params, section engine): the largest of its {len(nodes)} nodes have {largest}"
    )


def _connect(processors: int) -> None:
    """Reach the cluster, or start one.

    Raises:
        UsageError: nothing answers at `RAY_ADDRESS`, or it does not let us in.
    """
    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it phones home otherwise
    cluster: dict[str, Any] = {}
    if "RAY_ADDRESS" in os.environ:
        _check_answers(os.environ["RAY_ADDRESS"])
    else:
        here = max(processors, len(os.sched_getaffinity(0)))  # a later step of this run may need more than the first
        store_mb = max(2 * here * ANSWER_MB, SMALLEST_STORE_MB)
        cluster = {
            "address": "local",  # not whatever cluster was last started on this machine
            "num_cpus": here,
            "include_dashboard": False,
            "object_store_memory": store_mb * 2**20,
        }
    try:
        ray.init(log_to_driver=False, logging_level=logging.WARNING, **cluster)
    except (OSError, RuntimeError, RayError) as error:  # AuthenticationError is the last
        raise UsageError(
            f"Ray cannot be used ({' '.join(str(error).split())[:200]}): a cluster takes programs of its own versions "
            "of Python and Ray alone and, where it asks for a token, of its RAY_AUTH_MODE and ~/.ray/auth_token"
        ) from None


def _check_answers(address: str) -> None:
    """Ray itself takes minutes to find that nobody answers.

    Raises:
        UsageError: nobody does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, ValueError) as error:
        raise UsageError(
            f"no Ray cluster answers at RAY_ADDRESS {address!r} ({error}), expected HOST:PORT: start one (`ray start "
            "--head`), or unset RAY_ADDRESS to use this machine alone"
        ) from None
