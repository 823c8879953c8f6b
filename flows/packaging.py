"""A selected model goes out, as a Prefect flow: package it, report, promote it, and serve what was promoted."""

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.run.artifacts import show_promotion, show_report
from flows.run.console import CONSOLE
from flows.run.pipeline_run import pipeline_run
from flows.run.schemas import without_arguments
from flows.run.stage_runner import StageRunner
from flows.run.stage_tasks import StageLog, failed, run_command, step
from mova_core.errors import MovaError, UsageError
from mova_core.params import load_params
from mova_core.ports import obstacle

LAST = "report"
CANDIDATE = "models/phase3"
PROMOTE, DEPLOY = "promote", "deploy"
KEPT = "kept"  # outcome of a promotion that leaves the champion where it is
CLIP = Path("demo/a-red-ball-bounces.mp4")
DEPLOYMENT = Path(".mova/deployment.json")  # written by `mova deploy`


@flow(name="packaging", persist_result=False, cache_result_in_memory=False)
def packaging(alias: str = "production", keep_serving: bool = True) -> State[Any]:
    """Package the selected model, promote it if it is not worse than the champion, and serve it.

    Where the champion stays, nothing that is served changes.

    Args:
        alias: Name that the model takes if it is promoted, and that is served.
        keep_serving: Leave the service running when the flow has ended; else it is ended once its clip has come.
    """
    try:
        check_port()
        with pipeline_run(after=(PROMOTE, DEPLOY)) as run:
            run.run_to(LAST)
            outcome, reason = promotion(alias, return_state=True).result()
            if outcome != KEPT:
                serve(alias, keep_serving, run.runner)
            show_report(reason)
    except MovaError as error:
        return failed(error)
    return Completed(message=reason)


@step(PROMOTE)
def promotion(alias: str) -> State[tuple[str, str]]:
    """Judge the candidate against the champion and carry the decision out; its outcome and its reason."""
    from mova_core.registry.database import open_database
    from mova_core.registry.promotion import promote
    from mova_core.registry.sync import sync

    CONSOLE.get().begins(PROMOTE)
    try:
        engine = open_database()
        sync(engine)
        decision = promote(engine, CANDIDATE, alias)
        engine.dispose()
    except MovaError as error:
        CONSOLE.get().ends(PROMOTE, "failed")
        return failed(error)
    show_promotion(decision)
    CONSOLE.get().ends(PROMOTE, "done", decision.reason)
    return Completed(message=decision.reason, data=(decision.outcome, decision.reason))


def check_port() -> None:
    """Refuse a port that is another program's now, rather than after hours of training.

    A service of an earlier run may hold it; `mova deploy` takes its place.

    Raises:
        UsageError: the port of params.yaml cannot be had.
    """
    params = load_params().serve
    if DEPLOYMENT.exists():
        return
    if reason := obstacle(params.host, params.port):
        raise UsageError(
            f"port {params.port} of {params.host}, where the model is to be served, cannot be used ({reason}): stop "
            "what listens there, or set serve.port in params.yaml"
        )


def serve(alias: str, keep_serving: bool, runner: StageRunner) -> None:
    """Deploy what was promoted; the clip that its service answered lies at CLIP.

    Raises:
        MovaError: the service does not start, or answers another clip than it was packaged with.
    """
    run_command(DEPLOY, ["mova", "deploy", "--alias", alias, "--clip", str(CLIP)], runner)
    if not keep_serving:
        with StageLog("deploy-stop") as log:
            log.check(runner.run_command(["mova", "deploy", "--stop"], log.show))


without_arguments(packaging)
