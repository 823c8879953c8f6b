"""A run and the project's DVC remote: what is missing here is pulled at its start, what passed a gate is pushed.

Neither ever ends a run: a remote that does not answer is told as a warning (in the log, on the console and as an
artifact), and what it lacks is pushed at the next gate, at the end, or by the next run. Without a remote nothing
happens.
"""

import logging
from collections.abc import Callable, Sequence

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact

from flows.run.console import CONSOLE
from flows.run.stages.runner import Show, StageResult, StageRunner
from mova_core.errors import MovaError
from mova_core.json_events import Error, Event, Log, Summary

GATES = ("contract", "select")
"""Stages that judge what was made before them: when one has held, that is pushed."""
ARTIFACT = "dvc-remote"


def pull_missing(runner: StageRunner) -> None:
    """Bring what this folder lacks, such as all of it in a fresh clone; what cannot be had is made again."""
    _without_end(runner.pull)


def push_passed(runner: StageRunner, passed: Sequence[str]) -> None:
    """Push what these stages made and the remote has not got yet."""
    _without_end(lambda show: runner.push(passed, show))


def _without_end(job: Callable[[Show], StageResult]) -> None:
    """Do a job whose failure is told and does not end the run."""
    try:
        job(_log)
    except MovaError as error:
        get_run_logger().warning("%s", error)
        CONSOLE.get().warns(f"{error}; the run goes on")
        create_markdown_artifact(f"**The run went on without its remote.** {error}", key=ARTIFACT)


def _log(said: Event | str) -> None:
    """Send what a job says to the run's log; its error comes as one."""
    match said:
        case Log(level, message):
            get_run_logger().log(logging.getLevelNamesMapping().get(level.upper(), logging.INFO), message)
        case Summary(text, _) if text:
            get_run_logger().info(text)
        case str():
            get_run_logger().debug(said)
        case Error():
            pass
