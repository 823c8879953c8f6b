"""The Ray engine: the same attempts as tasks of a Ray cluster.

`RAY_ADDRESS` names a running cluster, whose nodes must see the footage under the same paths; without it a local one is
started with one processor a worker. Nothing is retried behind our back: an attempt that died is a row with a reason.
"""

import logging
import os
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError

from mova_core.curation.worker import ONE_THREAD, Attempt, Outcome, prepare_worker

log = logging.getLogger(__name__)

AHEAD_PER_WORKER = 4


@dataclass(slots=True)
class _Ticket:
    """One item on its way: waiting, handed out at `started_s`, or done."""

    item: Any
    reference: Any = None
    started_s: float = 0.0
    outcome: Outcome | None = None


def run_on_ray(attempt: Attempt, items: Iterable[Any], workers: int) -> Iterator[Outcome]:
    """Outcomes in the order of the items (see `engine.run`)."""
    _connect(workers)
    remote = ray.remote(max_retries=0, num_cpus=1)(_attempt_in_ray)
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


def _attempt_in_ray(attempt: Attempt, item: Any) -> Outcome:
    prepare_worker(attempt.limits)
    # The kernel ends this process when the time is over, whatever native code it is lost in.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, attempt.limits.seconds_per_file)
    try:
        return attempt(item)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _connect(workers: int) -> None:
    if ray.is_initialized():
        return
    cluster: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False}
    if "RAY_ADDRESS" in os.environ:
        cluster = {}
    ray.init(log_to_driver=False, logging_level=logging.WARNING, runtime_env={"env_vars": ONE_THREAD}, **cluster)


def _advance(line: deque[_Ticket], running: list[_Ticket], remote: Any, attempt: Attempt, workers: int) -> None:
    """Fill free workers, then wait until something ends."""
    for ticket in line:
        if len(running) >= workers:
            break
        if ticket.reference is None:
            ticket.reference = remote.remote(attempt, ticket.item)
            ticket.started_s = time.monotonic()
            running.append(ticket)
    done, _ = ray.wait([ticket.reference for ticket in running], num_returns=1)
    for ticket in [ticket for ticket in running if ticket.reference in done]:
        ticket.outcome = _answer(ticket, attempt)
        running.remove(ticket)


def _answer(ticket: _Ticket, attempt: Attempt) -> Outcome:
    try:
        return ray.get(ticket.reference)
    except RayError as error:
        if time.monotonic() - ticket.started_s >= attempt.limits.seconds_per_file:
            return Outcome.over_time(attempt.limits)
        log.warning("Ray gave no answer for %r: %s", ticket.item, error)
        return Outcome.died(type(error).__name__)


def _finished(line: deque[_Ticket]) -> Iterator[Outcome]:
    while line and line[0].outcome is not None:
        outcome = line.popleft().outcome
        assert outcome is not None
        yield outcome
