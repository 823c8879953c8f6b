"""The Ray engine: the same attempts as tasks of a Ray cluster.

`RAY_ADDRESS` names a running cluster, whose nodes must see the footage under the same paths; without it a local one is
started on this machine alone. A task asks for its step's processors, GPUs and memory; no more tasks are
handed out than there are workers, so what is in flight stays bounded. Ray itself retries nothing behind our back.
"""

import logging
import os
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayError

from mova_core.curation.worker import ONE_THREAD, Attempt, Outcome, prepare_worker
from mova_core.errors import UsageError
from mova_core.params import Resources

if TYPE_CHECKING:
    from mova_core.curation.engine import Engine

log = logging.getLogger(__name__)

AHEAD_PER_WORKER = 4  # items taken in before their turn comes to be yielded


@dataclass(slots=True)
class _Ticket:
    """One item on its way: waiting, handed out (for the `tries`-th time), started at `started_s`, or done."""

    item: Any
    tries: int = 0
    answers: Any = None
    started_s: float | None = None
    outcome: Outcome | None = None


def run_on_ray(attempt: Attempt, items: Iterable[Any], engine: "Engine") -> Iterator[Outcome]:
    """Outcomes in the order of the items (see `engine.run`).

    Raises:
        UsageError: no node of the cluster holds what one worker needs.
    """
    held = engine.resources
    _connect(engine.workers * held.cpu)
    room = _room(held)
    workers = room if engine.fills and "RAY_ADDRESS" in os.environ else engine.workers
    remote = ray.remote(max_retries=0, num_returns="streaming", **_options(held))(_attempt_in_ray)
    line: deque[_Ticket] = deque()
    running: list[_Ticket] = []
    for item in items:
        line.append(_Ticket(item))
        while len(line) >= workers * AHEAD_PER_WORKER:
            _advance(line, running, remote, attempt, workers)
            yield from _finished(line)
    while line:
        _advance(line, running, remote, attempt, workers)
        yield from _finished(line)


def _attempt_in_ray(attempt: Attempt, item: Any) -> Iterator[Outcome | None]:
    """First None, when it starts, then the outcome: how long a worker lived tells what it died of."""
    prepare_worker(attempt.limits, attempt.threads)
    # The kernel ends this process when the time is over, whatever native code it is lost in.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    yield None
    signal.setitimer(signal.ITIMER_REAL, attempt.limits.seconds_per_file)
    try:
        outcome = attempt(item)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    yield outcome


def _options(held: Resources) -> dict[str, Any]:
    """What Ray sets aside for one task."""
    memory = {} if held.memory_mb is None else {"memory": held.memory_mb * 2**20}
    return {"num_cpus": held.cpu, "num_gpus": held.gpu, **memory}


def _room(held: Resources) -> int:
    """How many workers with these resources the cluster holds.

    Raises:
        UsageError: none: Ray would wait for ever.
    """
    needed = {"CPU": held.cpu, "GPU": held.gpu, "memory": (held.memory_mb or 0) * 2**20}
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    room = sum(int(min(node.get(name, 0) // amount for name, amount in needed.items() if amount)) for node in nodes)
    if not room:
        largest = ", ".join(
            f"{max((node.get(name, 0) for node in nodes), default=0) / unit:g} {what}"
            for name, unit, what in (("CPU", 1, "processors"), ("GPU", 1, "GPUs"), ("memory", 2**20, "MiB"))
        )
        raise UsageError(
            f"no node of the Ray cluster holds a worker of {held.cpu} processors, {held.gpu:g} GPUs and "
            f"{held.memory_mb or 0} MiB (params, section engine): the largest of its {len(nodes)} nodes have {largest}"
        )
    return room


def _connect(processors: int) -> None:
    if ray.is_initialized():
        return
    here = max(processors, len(os.sched_getaffinity(0)))  # a later step of this run may need more than the first
    cluster: dict[str, Any] = {"num_cpus": here, "include_dashboard": False}
    if "RAY_ADDRESS" in os.environ:
        cluster = {}
    ray.init(log_to_driver=False, logging_level=logging.WARNING, runtime_env={"env_vars": ONE_THREAD}, **cluster)


def _advance(line: deque[_Ticket], running: list[_Ticket], remote: Any, attempt: Attempt, workers: int) -> None:
    """Fill free workers, then wait until something starts or ends."""
    for ticket in line:
        if len(running) >= workers:
            break
        if ticket.answers is None:
            ticket.tries += 1
            ticket.answers, ticket.started_s = remote.remote(attempt, ticket.item), None
            running.append(ticket)
    ready, _ = ray.wait([ticket.answers for ticket in running], num_returns=1)
    for ticket in [ticket for ticket in running if ticket.answers in ready]:
        outcome = _answer(ticket, attempt)
        if outcome is None:
            ticket.started_s = time.monotonic()
            continue
        running.remove(ticket)
        if outcome.ended_its_worker and ticket.tries == 1:
            log.warning("%s; tried again: %.200r", outcome.reason, ticket.item)
            ticket.answers = None
        else:
            ticket.outcome = outcome.second() if ticket.tries > 1 else outcome


def _answer(ticket: _Ticket, attempt: Attempt) -> Outcome | None:
    """What became of it, or None when it has just started."""
    try:
        return ray.get(next(ticket.answers))
    except RayError as error:
        lived_s = 0.0 if ticket.started_s is None else time.monotonic() - ticket.started_s
        if lived_s >= attempt.limits.seconds_per_file:
            return Outcome.over_time(attempt.limits)
        return Outcome.died(type(error).__name__)


def _finished(line: deque[_Ticket]) -> Iterator[Outcome]:
    while line and line[0].outcome is not None:
        outcome = line.popleft().outcome
        assert outcome is not None
        yield outcome
