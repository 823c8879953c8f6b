"""DVC stages as Prefect tasks: one task a stage, by the same name.

An unchanged stage is a task in state `Cached`; a changed one runs in the child process of `flows.run.stage_runner`,
its lines go to the run's log and to `logs/STAGE.log`, its progress lines move a progress artifact. Only a lost worker
is tried again: a broken contract or a wrong parameter would fail the same way twice. Caching is DVC's alone.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID

from prefect import Task, get_run_logger, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed, Failed

from flows.run.console import CONSOLE
from flows.run.stage_plan import Stage
from flows.run.stage_runner import Line, StageResult, StageRunner, WorkerLost
from mova_core.errors import ContractBroken, MovaError, UsageError
from mova_core.progress import PLAIN_LINE

LOGS = Path("logs")
LOST = "WorkerLost"  # name of the one failed state that is tried again
SUMMARY_LINES = 6
SIGNALLED = range(128, 160)  # how a shell reports a command that a signal ended


def failed(error: MovaError) -> State[Any]:
    """The state of a run that this error ended: Failed, its sentence as message, no traceback."""
    return Failed(message=str(error), data=error, name=LOST if isinstance(error, WorkerLost) else "Failed")


def cached(why: str) -> State[str]:
    """The state of a task that had nothing to do."""
    return Completed(message=why, name="Cached", data="")


def is_lost_worker(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    """Whether Prefect should try again."""
    return state.name == LOST


def step(name: str) -> Callable[[Callable[..., State[str]]], Task[..., Any]]:
    """Decorator: a task by this name, tried again only when its worker was lost, never cached by Prefect."""
    return task(
        name=name,
        task_run_name=name,
        retries=2,
        retry_delay_seconds=[1, 10],
        retry_condition_fn=is_lost_worker,
        cache_policy=NO_CACHE,
        persist_result=False,
    )


def run_stage(stage: Stage, runner: StageRunner) -> str:
    """Run one stage as a task by its name.

    Returns:
        What the stage said of itself; "" when it did not have to run.

    Raises:
        MovaError: the stage failed; ContractBroken for exit 3, UsageError for exit 2, WorkerLost after all retries.
    """
    return str(step(stage.name)(_run_stage)(stage, runner, return_state=True).result())


def _run_stage(stage: Stage, runner: StageRunner) -> State[str]:
    """Run one DVC stage if it, or what it depends on, has changed."""
    console = CONSOLE.get()
    console.begins(stage.name)
    if stage.unchanged:
        console.ends(stage.name, "unchanged")
        return cached("nothing it depends on has changed")
    get_run_logger().info("changed: %s", stage.why or "something upstream")
    return _finish(stage.name, lambda show: runner.run_stage(stage.name, show))


def run_command(name: str, command: list[str], runner: StageRunner) -> str:
    """Run a command that is no DVC stage as a task by this name; what it said of itself.

    Raises:
        MovaError: it failed, see `run_stage`.
    """
    return str(step(name)(_run_command)(name, command, runner, return_state=True).result())


def _run_command(name: str, command: list[str], runner: StageRunner) -> State[str]:
    CONSOLE.get().begins(name)
    return _finish(name, lambda show: runner.run_command(command, show))


def _finish(name: str, job: Callable[[Callable[[Line], None]], StageResult]) -> State[str]:
    """Do the job of a task that has begun, its lines shown; the task's final state."""
    console = CONSOLE.get()
    with StageLog(name) as log:
        try:
            answer = job(log.show)
            log.check(answer)
        except MovaError as error:
            console.ends(name, "failed")
            return failed(error)
    if not answer.ran:
        console.ends(name, "unchanged")
        return cached("what it depends on was made again with the same content")
    console.ends(name, "done", log.summary)
    return Completed(message=log.summary or None, data=log.summary)


class StageLog:
    """Where the lines of a stage go, and what is to be kept of them.

    Args:
        name: of the stage; its log is `logs/NAME.log`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._said: list[str] = []  # stdout
        self._complaints: list[str] = []  # stderr without progress
        self._logger = get_run_logger()
        self._progress: UUID | None = None
        self._path = LOGS / f"{name.replace('/', '_')}.log"
        self._file: TextIO | None = None

    def __enter__(self) -> "StageLog":
        LOGS.mkdir(exist_ok=True)
        self._file = self._path.open("w", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def show(self, line: Line) -> None:
        """Take one line of the stage."""
        assert self._file is not None
        print(line.text, file=self._file, flush=True)
        if line.channel == "stderr" and (progress := PLAIN_LINE.match(line.text)):
            self._move(progress["label"], int(progress["done"]), int(progress["total"]))
            return
        self._logger.info(line.text)
        if line.channel == "stdout":
            self._said.append(line.text.strip())
        else:
            self._complaints.append(line.text)

    @property
    def summary(self) -> str:
        """What the stage said of itself: commands print nothing but that on stdout."""
        return "\n".join(self._said[-SUMMARY_LINES:])

    def check(self, answer: StageResult) -> None:
        """Turn an exit code into the error it stands for, told in the stage's own words.

        Raises:
            MovaError: the stage failed.
        """
        code = answer.exit_code
        if code == 0:
            return
        if code < 0 or code in SIGNALLED:
            number = -code if code < 0 else code - SIGNALLED.start
            raise WorkerLost(
                f"{self.name}: ended by signal {number}"
                f"{' (often: out of memory)' if number == 9 else ''}: finished parts are kept, run it again to go on"
            )
        kind = {2: UsageError, 3: ContractBroken}.get(code, MovaError)
        words = answer.error or _last_words(self._complaints) or f"ended with exit code {code}, see {self._path}"
        raise kind(f"{self.name}: {words}")

    def _move(self, label: str, done: int, total: int) -> None:
        CONSOLE.get().progress(done, total)
        percent = 100 * done / total if total else 100.0
        if self._progress is None:
            artifact = create_progress_artifact(progress=percent, description=f"{label}: {done} of {total}")
            self._progress = artifact if isinstance(artifact, UUID) else None
        else:
            update_progress_artifact(self._progress, progress=percent, description=f"{label}: {done} of {total}")


def _last_words(complaints: list[str]) -> str:
    """The error that a command printed at its end: from its last `mova COMMAND: ` on, else its last line."""
    for start in range(len(complaints) - 1, -1, -1):
        if spoken := re.match(r"mova [\w-]+: ", complaints[start]):
            return "\n".join([complaints[start].removeprefix(spoken[0]), *complaints[start + 1 :]])
    return complaints[-1] if complaints else ""
