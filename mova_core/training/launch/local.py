"""This machine: torchrun's agent in this process, and what its first process says told on as this command's own.

A process that dies takes the others with it, and all begin again from the last checkpoint; an error that this project
foresees is not tried again.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from mova_core import errors, json_events
from mova_core.errors import MovaError, UsageError
from mova_core.json_events import Error, Event, Log, Progress, Summary
from mova_core.training.launch.spec import RESTARTS, LaunchSpec, torchrun
from mova_core.training.monitor.display import Display

END_WITHIN_S = 10  # once told to; then they are killed


def local_command(spec: LaunchSpec) -> tuple[str, ...]:
    """The same by hand.

    Raises:
        UsageError: more than one machine.
    """
    if spec.nodes > 1:
        raise UsageError(
            f"train.launch asks for {spec.nodes} nodes by launcher local, which is this machine: set nodes to 1, or "
            "launcher to slurm, kubernetes or ray"
        )
    return torchrun(spec, "--standalone", "--local-addr=127.0.0.1")


def run_here(spec: LaunchSpec) -> dict[str, Any]:
    """Start the processes and wait for them; the summary of the first.

    Raises:
        MovaError: what the first process that failed said.
    """
    arguments = local_command(spec)[1:]
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # where `mova` is
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for restarts in range(RESTARTS + 1):
        try:
            return _run_once(arguments)
        except _Failed as failed:
            if failed.foreseen or restarts == RESTARTS:
                raise MovaError(str(failed)) if failed.exit_code == 1 else UsageError(str(failed)) from None
            print(f"{failed}; all processes start again from the last checkpoint", file=sys.stderr)
    raise AssertionError("the last try returns or raises")


class _Failed(Exception):
    """How the first process that failed did, in a sentence."""

    def __init__(self, told: str, foreseen: bool = False, exit_code: int = 1) -> None:
        super().__init__(told)
        self.foreseen, self.exit_code = foreseen, exit_code


def _run_once(arguments: tuple[str, ...]) -> dict[str, Any]:
    from torch.distributed import run as agent
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    settings = agent.parse_args(arguments)
    settings.max_restarts = 0  # by `run_here`, which knows what is worth it
    settings.shutdown_timeout = END_WITHIN_S  # a process that was only starting may have missed the signal
    summary: dict[str, Any] = {}

    def tell(event: Event) -> None:
        if isinstance(event, Summary):
            summary.update(event.values, text=event.text)
        elif isinstance(event, Progress):
            display.show(event)
        elif isinstance(event, Log):
            json_events.emit(event)

    earlier = set(psutil.Process().children())
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # an error is told by what is raised
    with TemporaryDirectory() as settings.log_dir, Display() as display, _events_of_children(tell):
        try:
            agent.run(settings)
        except ChildFailedError as failed:
            raise _first(failed) from None
        except SignalException as ended:  # the agent has ended its processes, but for one that it was just starting
            _end(set(psutil.Process().children()) - earlier)
            if ended.sigval == signal.SIGINT:
                raise KeyboardInterrupt from None
            sys.exit(128 + ended.sigval)
    return summary


def _end(children: set[psutil.Process]) -> None:
    """Kill child processes with all that they started, and wait until they are gone."""
    for child in children:
        with suppress(psutil.NoSuchProcess):
            for process in (*child.children(recursive=True), child):
                process.kill()
    psutil.wait_procs(children)


@contextmanager
def _events_of_children(tell: Callable[[Event], None]) -> Iterator[None]:
    """Within, child processes speak in events, which `tell` takes; what else they print goes to stderr."""
    read, write = os.pipe()
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(write, 1)
    os.close(write)
    os.environ[json_events.VARIABLE] = "1"

    def listen() -> None:
        with open(read, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                event = json_events.from_line(line)
                if event is None:
                    sys.stderr.write(line)
                elif not isinstance(event, Error):  # comes with its process's end
                    tell(event)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield
    finally:
        del os.environ[json_events.VARIABLE]
        os.dup2(stdout, 1)
        os.close(stdout)
        listener.join(timeout=5)


def _first(failed: Any) -> _Failed:
    """The failure that the others follow from: a process that says why before one that was killed or lost its peers."""
    told = [_told(rank, failure) for rank, failure in sorted(failed.failures.items())]
    return min(told, key=lambda each: each[0])[1]


def _told(rank: int, failure: Any) -> tuple[tuple[int, float, int], _Failed]:
    if isinstance(failure.message, str):  # it left no error behind
        how = f"was killed by {failure.signal_name()}" if failure.exitcode < 0 else f"exited with {failure.exitcode}"
        by_the_agent = failure.signal_name() == "SIGTERM"  # because another one failed
        return (3 if by_the_agent else 1, failure.timestamp, rank), _Failed(f"training process {rank} {how}")
    kind, _, sentence = failure.message["message"].partition(": ")
    known = getattr(errors, kind, None)
    if known is None:
        return (2, failure.timestamp, rank), _Failed(f"training process {rank} failed: {kind}: {sentence}")
    return (0, failure.timestamp, rank), _Failed(sentence, foreseen=True, exit_code=known.exit_code)
