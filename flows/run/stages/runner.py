"""A child process that runs stages, as a flow sees it: events while it works, one result at the end, surely ended.

Whoever leaves the `with` block, by success, failure, Ctrl-C or a cancelled run's SIGTERM, leaves no process behind.
"""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from flows.run.stages.plan import Stage
from flows.run.stages.process import END, GRACE_S
from mova_core import json_events
from mova_core.errors import ContractBroken, MovaError, UsageError
from mova_core.json_events import Error, Event, Summary

KILLED = re.compile(r"(\S+: line \d+: +\d+ )?Killed\b")
"""What some shells print of a command that SIGKILL ended: the line before it says more."""

CHILD = [sys.executable, "-m", "flows.run.stages.process"]


class WorkerLost(MovaError):
    """A stage ended without a word, or the process that ran it is gone: the one failure worth another try."""


@dataclass(frozen=True, slots=True)
class StageResult:
    """How a stage, or another command, ended well.

    Args:
        ran: False where DVC found nothing to do.
        summary: what it said of itself, for a person; may be empty.
        values: the same for a program.
    """

    ran: bool
    summary: str = ""
    values: dict[str, Any] = field(default_factory=dict)


Show = Callable[[Event | str], None]
"""Takes what a stage says while it runs: an event, or a line of anything else that was printed."""


class StageRunner:
    """Runs stages one after another in a child process; a lost child is replaced at the next job.

    Args:
        environment: variables on top of the present ones, such as MOVA_WORKERS.
    """

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        self._environment = {**os.environ, json_events.VARIABLE: "1", **(environment or {})}
        self._environment["PATH"] = f"{Path(sys.executable).parent}:{self._environment.get('PATH', '')}"  # finds `mova`
        self._environment["PYTHONUNBUFFERED"] = "1"
        self._child: _Child | None = None

    def __enter__(self) -> "StageRunner":
        self._child = _Child(self._environment)  # it imports DVC while the flow does other things
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    def plan(self, until: str) -> list[Stage]:
        """The stages there are; see `flows.run.stages.plan.plan`.

        Raises:
            UsageError: DVC does not understand the project, or has no such stage.
            WorkerLost: the child process is gone.
        """
        planned = self._run("the question what has changed", {"plan": until}, lambda _: None)
        return [Stage(**fields) for fields in planned.values["stages"]]

    def run_stage(self, name: str, show: Show) -> StageResult:
        """Have DVC run one stage if it has changed.

        Raises:
            MovaError: it failed; ContractBroken or UsageError where the stage says so.
            WorkerLost: it ended without a word, or the child process is gone.
        """
        return self._run(name, {"stage": name}, show)

    def run_command(self, command: list[str], show: Show) -> StageResult:
        """Run a command that is no DVC stage.

        Raises:
            MovaError, WorkerLost: as for a stage.
        """
        return self._run(" ".join(command), {"command": command}, show)

    def add_to_dvc(self, folder: Path, show: Show) -> StageResult:
        """`dvc add` a folder; quick when it has not changed.

        Raises:
            MovaError, WorkerLost: as for a stage.
        """
        return self._run(f"dvc add {folder}", {"add": str(folder)}, show)

    def push(self, passed: Sequence[str], show: Show) -> StageResult:
        """Push to the default remote what these stages made and it lacks; quick where there is nothing to push.

        Raises:
            MovaError: the remote does not take it.
            WorkerLost: the child process is gone.
        """
        return self._run("dvc push", {"push": list(passed)}, show)

    def pull(self, show: Show) -> StageResult:
        """Bring from the default remote what is missing here; quick where nothing is.

        Raises:
            MovaError: the remote does not give it.
            WorkerLost: the child process is gone.
        """
        return self._run("dvc pull", {"pull": True}, show)

    def stop(self) -> None:
        """End the child and all that it started; harmless when there is none."""
        child, self._child = self._child, None
        if child is not None:
            child.stop()

    def _run(self, what: str, job: dict[str, Any], show: Show) -> StageResult:
        self._child = child = self._child or _Child(self._environment)
        said = _Said(show)
        try:
            end = child.do(job, said.take)
        except BaseException:
            self.stop()  # it is still at this job
            raise
        if end is None:
            self.stop()
            raise WorkerLost(
                f"the process that ran {what} is gone (killed from outside, or the machine ran out of memory): "
                "finished parts are kept, run it again to go on"
            )
        if not end["completed"]:
            raise said.reason()
        return StageResult(end["ran"], said.summary.text, said.summary.values)


class _Said:
    """Shows what a stage says, and keeps what counts of it."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self.summary = Summary("")
        self._error: Error | None = None
        self._last_line = ""

    def take(self, said: Event | str) -> None:
        match said:
            case Summary():
                self.summary = said
            case Error():
                self._error = said
            case str() if not KILLED.match(said):
                self._last_line = said
        self._show(said)

    def reason(self) -> MovaError:
        """Why the stage failed."""
        if self._error is not None:
            kinds = {kind.exit_code: kind for kind in (UsageError, ContractBroken)}
            return kinds.get(self._error.exit_code, MovaError)(self._error.message)
        last = f"; its last line was {self._last_line!r}" if self._last_line else ""
        return WorkerLost(
            f"it ended without saying why (often: killed by the system, out of memory{last}): finished parts are "
            "kept, run it again to go on"
        )


class _Child:
    """The process, and one queue of the lines that it and its stages print."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            CHILD,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,  # \r ends a line too: progress bars of libraries
            encoding="utf-8",
            errors="replace",
            env=environment,
            start_new_session=True,
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._jobs = self._process.stdin
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()  # None: a pipe has ended
        self._leader = threading.Thread(target=_end_with_leader, args=(self._process.pid,), daemon=True)
        self._leader.start()
        for pipe in (self._process.stdout, self._process.stderr):
            threading.Thread(target=_read, args=(pipe, self._lines), daemon=True).start()

    def do(self, job: dict[str, Any], show: Show) -> dict[str, bool] | None:
        """Have a job done, and show all that is said meanwhile; None if the process is gone before its end."""
        with suppress(BrokenPipeError):  # it is gone: both pipes say so
            self._jobs.write(json.dumps(job) + "\n")
            self._jobs.flush()
        ends: list[dict[str, bool] | None] = []
        while len(ends) < 2:  # stdout and stderr, each up to the end of the job or of the process
            line = self._lines.get()
            if line is None:
                ends.append(None)
            elif line.startswith(END):
                ends.append(json.loads(line)["job_end"])
            elif line.strip():
                show(json_events.from_line(line) or line)
        return ends[0]

    def stop(self) -> None:
        """End the process and its group: by the end of its jobs, and by force where that is not enough."""
        try:
            with suppress(BrokenPipeError):
                self._jobs.close()
            self._leader.join(GRACE_S + 5)
        finally:
            if self._leader.is_alive():
                _kill_group(self._process.pid)
            self._process.wait()


def _read(pipe: IO[str], lines: "queue.SimpleQueue[str | None]") -> None:
    with pipe:
        for line in pipe:
            lines.put(line.rstrip("\n"))
    lines.put(None)


def _end_with_leader(pid: int) -> None:
    """Wait until a process has ended, then end its group, while the group's id cannot be another's yet."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    _kill_group(pid)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
