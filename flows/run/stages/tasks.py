"""DVC stages as Prefect tasks: one task a stage, by the same name.

An unchanged stage is a task in state `Cached`; a changed one runs in the child process of `flows.run.stages.runner`.
What it says goes to the run's log and to `logs/STAGE.log`, and its progress moves a progress artifact. Only a lost
worker is tried again: a broken contract or a wrong parameter would fail the same way twice. Caching is DVC's alone.
"""

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from prefect import Task, get_run_logger, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed, Failed

from flows.run.console import CONSOLE
from flows.run.stages.plan import Stage
from flows.run.stages.runner import Show, StageResult, StageRunner, WorkerLost
from mova_core.errors import MovaError
from mova_core.json_events import Error, Event, Log, Progress, Summary
from mova_core.places import LOGS

LOST = "WorkerLost"  # name of the one failed state that is tried again


def failed(error: MovaError) -> State[Any]:
    """The state of a run that this error ended: Failed, its sentence as message, no traceback."""
    return Failed(message=str(error), data=error, name=LOST if isinstance(error, WorkerLost) else "Failed")


def cached(why: str) -> State[str]:
    """The state of a task that had nothing to do."""
    return Completed(message=why, name="Cached", data="")


def is_lost_worker(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    """Whether Prefect should try again."""
    return state.name == LOST


def step(name: str) -> Callable[[Callable[..., State[Any]]], Task[..., Any]]:
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
    state: Any = step(stage.name)(_run_stage)(stage, runner, return_state=True)
    return str(state.result())


def _run_stage(stage: Stage, runner: StageRunner) -> State[str]:
    """Run one DVC stage if it, or what it depends on, has changed."""
    console = CONSOLE.get()
    console.begins(stage.name)
    if stage.unchanged:
        console.ends(stage.name, "unchanged")
        return cached("nothing it depends on has changed")
    get_run_logger().info("changed: %s", stage.why or "something upstream")
    return _finish(stage.name, lambda show: runner.run_stage(stage.name, show))


def run_job(name: str, job: Callable[[Show], StageResult]) -> str:
    """Run what is no DVC stage as a task by this name; what it said of itself.

    Args:
        name: of the task and its log.
        job: does the work, and shows what it says.

    Raises:
        MovaError: it failed, see `run_stage`.
    """
    state: Any = step(name)(_run_job)(name, job, return_state=True)
    return str(state.result())


def _run_job(name: str, job: Callable[[Show], StageResult]) -> State[str]:
    CONSOLE.get().begins(name)
    return _finish(name, job)


def _finish(name: str, job: Callable[[Show], StageResult]) -> State[str]:
    """Do the job of a task that has begun, with all it says shown; the task's final state."""
    console = CONSOLE.get()
    try:
        result = _logged(name, job)
    except MovaError as error:
        console.ends(name, "failed")
        return failed(error)
    if not result.ran:
        console.ends(name, "unchanged")
        return cached("what it depends on was made again with the same content")
    console.ends(name, "done", result.summary)
    return Completed(message=result.summary or None, data=result.summary)


def _logged(name: str, job: Callable[[Show], StageResult]) -> StageResult:
    """Do a job with all it says shown in the run's log, as progress and in `logs/NAME.log`.

    Raises:
        MovaError: the job's own, with the name before its sentence.
    """
    with StageLog(name) as log:
        try:
            return job(log.show)
        except MovaError as error:
            raise type(error)(f"{name}: {error}") from None


class StageLog:
    """Where everything goes that a stage says.

    Args:
        name: of the stage; its log is `logs/NAME.log`.
    """

    def __init__(self, name: str) -> None:
        self._logger = get_run_logger()
        self._artifact: UUID | None = None
        LOGS.mkdir(exist_ok=True)
        self._file = (LOGS / f"{name.replace('/', '_')}.log").open("w", encoding="utf-8")

    def __enter__(self) -> "StageLog":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def show(self, said: Event | str) -> None:
        """Take an event of the stage, or a line of other text."""
        match said:
            case Progress(label, done, total):
                print(f"{label} {done}/{total}", file=self._file, flush=True)
                self._move(said)
            case Log(level, message):
                self._write(message, logging.getLevelNamesMapping().get(level.upper(), logging.INFO))
            case Summary(text, _):
                self._write(text, logging.INFO)
            case Error(message, _, _):
                self._write(message, logging.ERROR)
            case str():
                self._write(said, logging.INFO)

    def _write(self, message: str, level: int) -> None:
        for line in message.splitlines():
            print(line, file=self._file, flush=True)
            self._logger.log(level, line)

    def _move(self, progress: Progress) -> None:
        CONSOLE.get().progress(progress.done, progress.total)
        percent = 100 * progress.done / progress.total if progress.total else 100.0
        description = f"{progress.label}: {progress.done} of {progress.total}"
        if self._artifact is None:
            created = create_progress_artifact(progress=percent, description=description)
            self._artifact = created if isinstance(created, UUID) else None
        else:
            update_progress_artifact(self._artifact, progress=percent, description=description)
