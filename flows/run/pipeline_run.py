"""One pipeline run: the stages that DVC says there are to run, and the child process that runs them.

A flow opens it; the flows that it calls find it open and run their part, so that DVC is asked once and imported once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.run.artifacts import show
from flows.run.console import CONSOLE
from flows.run.remote import GATES, pull_missing, push_passed
from flows.run.stages.plan import Stage
from flows.run.stages.runner import StageRunner
from flows.run.stages.tasks import failed, run_stage
from flows.run.uncommitted import advice
from mova_core.errors import MovaError

EVERYTHING = "everything"


class PipelineRun:
    """Stages still to be looked at, in DVC's order.

    Args:
        runner: what runs them.
        until: stage to stop after, or EVERYTHING.
    """

    def __init__(self, runner: StageRunner, until: str) -> None:
        self.runner = runner
        self.until = until
        self.left: list[Stage] = []
        self.passed: list[str] = []  # stages up to the last gate that held
        self._done: list[str] = []

    def ask(self) -> list[str]:
        """Ask DVC what there is to do; names of the stages.

        Raises:
            UsageError: see `plan`.
        """
        self.left = self.runner.plan("" if self.until == EVERYTHING else self.until)
        return [stage.name for stage in self.left]

    def run_to(self, last: str) -> str:
        """Run what is left up to this stage, or to the last one.

        Returns:
            What the last stage that had to run said of itself, "" if none had to.

        Raises:
            MovaError: a stage failed; what it has to show is shown.
        """
        said, done = "", False
        while self.left and not done:
            stage = self.left.pop(0)
            try:
                said = run_stage(stage, self.runner) or said
            except MovaError:
                show(stage)
                raise
            show(stage)
            self._done.append(stage.name)
            if stage.group in GATES or not self.left:
                self.passed = [*self._done]
                push_passed(self.runner, self.passed)
            done = stage.name == last
        return said


def run_pipeline_to(last: str) -> State[Any]:
    """A flow's whole work: the pipeline run that is open, or a new one, up to a stage; its final state."""
    try:
        with pipeline_run(last) as run:
            said = run.run_to(last)
    except MovaError as error:
        return failed(error)
    return Completed(message=said or f"{last} was up to date")


_OPEN: ContextVar[PipelineRun] = ContextVar("PIPELINE_RUN")


@contextmanager
def pipeline_run(
    until: str = EVERYTHING, workers: int = 0, before: tuple[str, ...] = (), after: tuple[str, ...] = ()
) -> Iterator[PipelineRun]:
    """The pipeline run that is open already, or a new one, with DVC asked.

    Args:
        until: of a new one: stage to stop after.
        workers: of a new one: processes of a stage at once; 0 = one per processor.
        before: of a new one: steps of the flow that come before its stages, for the console to number.
        after: steps that come after everything.
    """
    if (running := _OPEN.get(None)) is not None:
        yield running
        return
    with StageRunner({"MOVA_WORKERS": str(workers)} if workers else {}) as runner:
        opened = PipelineRun(runner, until)
        pull_missing(runner)
        CONSOLE.get().expect([*before, *opened.ask(), *(after if until == EVERYTHING else ())])
        token = _OPEN.set(opened)
        try:
            yield opened
        finally:
            _OPEN.reset(token)
            push_passed(runner, opened.passed)  # again, where the remote did not answer
            if command := advice():
                get_run_logger().info("to keep this state in Git: %s", command)
