"""A child process that runs stages, as a flow sees it: lines while it works, one answer at the end, surely ended.

Whoever leaves the `with` block, by success, failure, Ctrl-C or a cancelled run's SIGTERM, leaves no process behind.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal

from flows.run.stage_process import GRACE_S
from mova_core.errors import MovaError

Channel = Literal["stdout", "stderr"]


class WorkerLost(MovaError):
    """A stage was ended by a signal, or the process that ran it is gone: the one failure worth another try."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that a stage printed."""

    channel: Channel
    text: str


@dataclass(frozen=True, slots=True)
class StageResult:
    """How a job ended.

    Args:
        ran: False when DVC found nothing to do.
        exit_code: of its command; negative = the signal that ended it.
        error: DVC's own complaint, where the command was not to blame.
    """

    ran: bool
    exit_code: int
    error: str | None


class StageRunner:
    """Runs stages one after another in a child process; a lost child is replaced at the next job.

    Args:
        environment: variables on top of the present ones, such as MOVA_WORKERS.
    """

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        self._environment = {**os.environ, **(environment or {})}
        self._environment["PATH"] = f"{Path(sys.executable).parent}:{self._environment.get('PATH', '')}"  # finds `mova`
        self._environment["PYTHONUNBUFFERED"] = "1"
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: IO[bytes] | None = None

    def __enter__(self) -> "StageRunner":
        self._start()  # it imports DVC while the flow is still asking what there is to do
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    def run_stage(self, name: str, show: Callable[[Line], None]) -> StageResult:
        """Have DVC run one stage if it has changed.

        Raises:
            WorkerLost: the child process is gone.
        """
        return self._run(name, {"stage": name}, show)

    def run_command(self, command: list[str], show: Callable[[Line], None]) -> StageResult:
        """Run a command that is no DVC stage.

        Raises:
            WorkerLost: the child process is gone.
        """
        return self._run(" ".join(command), {"command": command}, show)

    def add_to_dvc(self, folder: Path, show: Callable[[Line], None]) -> StageResult:
        """`dvc add` a folder; quick when it has not changed.

        Raises:
            WorkerLost: the child process is gone.
        """
        return self._run(f"dvc add {folder}", {"add": str(folder)}, show)

    def stop(self) -> None:
        """End the child and all that it started; harmless when there is none."""
        process, self._process = self._process, None
        if process is None or process.stdin is None or process.stdout is None or process.stderr is None:
            return
        try:
            process.stdin.close()  # tells it to end its group
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_S + 5)
        finally:
            _end_group(process)
            process.stdout.close()
            process.stderr.close()
            if self._answers:
                self._answers.close()

    def _run(self, what: str, job: dict[str, Any], show: Callable[[Line], None]) -> StageResult:
        process, answers = self._start()
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(job).encode() + b"\n")
            answer = _follow(process, answers, show)
        except BrokenPipeError:
            answer = None
        if answer is None:
            self.stop()
            raise WorkerLost(
                f"the process that ran {what} is gone (killed from outside, or the machine ran out of memory): "
                "finished parts are kept, run it again to go on"
            )
        return StageResult(**json.loads(answer))

    def _start(self) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
        if self._process is None or self._answers is None:
            read_fd, write_fd = os.pipe()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flows.run.stage_process", str(write_fd)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=self._environment,
                pass_fds=[write_fd],
                start_new_session=True,
            )
            os.close(write_fd)
            self._answers = open(read_fd, "rb")  # noqa: SIM115  closed by stop()
        return self._process, self._answers


def _follow(process: subprocess.Popen[bytes], answers: IO[bytes], show: Callable[[Line], None]) -> bytes | None:
    """Show lines until the answer has come and everything printed before it is shown; None if it never comes."""
    assert process.stdout is not None and process.stderr is not None
    printed: dict[Channel, _Lines] = {"stdout": _Lines(process.stdout), "stderr": _Lines(process.stderr)}
    answer = _Lines(answers)
    with selectors.DefaultSelector() as selector:
        for lines in (*printed.values(), answer):
            selector.register(lines.fd, selectors.EVENT_READ)
        complete: list[str] = []
        while not complete and not answer.ended:
            selector.select()
            complete = list(answer.read())
            for channel, lines in printed.items():
                for text in lines.read():
                    show(Line(channel, text))
                if lines.ended and lines.fd in selector.get_map():
                    selector.unregister(lines.fd)
    for channel, lines in printed.items():
        if rest := lines.rest():
            show(Line(channel, rest))
    return complete[0].encode() if complete else None


class _Lines:
    """Whole lines out of a pipe, without ever waiting for one."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self.fd = pipe.fileno()
        self.ended = False
        self._partial = b""
        os.set_blocking(self.fd, False)

    def read(self) -> Iterator[str]:
        while not self.ended:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                return
            self.ended = not data
            *whole, self._partial = (self._partial + data).replace(b"\r", b"\n").split(b"\n")
            yield from (line.decode(errors="replace") for line in whole if line.strip())

    def rest(self) -> str:
        return self._partial.decode(errors="replace").strip()


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):  # it has ended itself, as it should
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
