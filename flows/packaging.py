"""A selected model goes out, as a Prefect flow: package it, report, promote it, and serve what was promoted."""

from dataclasses import replace
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.run.artifacts import show_promotion, show_report
from flows.run.console import CONSOLE
from flows.run.forms.schemas import without_arguments
from flows.run.pipeline_run import pipeline_run
from flows.run.stages.runner import Show, StageResult, StageRunner
from flows.run.stages.tasks import failed, run_job, step
from mova_core.errors import MovaError, UsageError
from mova_core.params import load_params
from mova_core.places import CANDIDATE, DEMO, DEPLOYMENT
from mova_core.ports import obstacle

LAST = "report"
PROMOTE, DEPLOY = "promote", "deploy"
KEPT = "kept"  # outcome of a promotion that leaves the champion where it is
CLIP = DEMO / "a-red-ball-bounces.mp4"


@flow(name="packaging", persist_result=False, cache_result_in_memory=False)
def packaging(alias: str = "production", keep_serving: bool = True) -> State[Any]:
    """Package the selected model, promote it if it is not worse than the champion, and serve it.

    Where the champion stays, nothing that is served changes, and the run has failed.

    Args:
        alias: Name that the model takes if it is promoted, and that is served.
        keep_serving: Leave the service running when the flow has ended. Otherwise it is ended once its clip has come,
            unless a service of this project was running before.
    """
    try:
        check_port()
        with pipeline_run(after=(PROMOTE, DEPLOY)) as run:
            run.run_to(LAST)
            decided: Any = promotion(alias, return_state=True)
            if decided.is_completed():
                serve(alias, keep_serving, run.runner)
            show_report(decided.message)
            decided.result()  # a refused promotion ends the run
    except MovaError as error:
        return failed(error)
    return Completed(message=decided.message)


@step(PROMOTE)
def promotion(alias: str) -> State[Any]:
    """Judge the candidate against the champion and carry the decision out; failed where the champion stays."""
    from mova_core.evaluation.promote import promote
    from mova_core.registry.database.connection import opened_database

    CONSOLE.get().begins(PROMOTE)
    try:
        with opened_database() as engine:
            decision = promote(engine, str(CANDIDATE), alias)
        show_promotion(decision)
        if decision.outcome == KEPT:
            raise MovaError(decision.summary()["text"])
    except MovaError as error:
        CONSOLE.get().ends(PROMOTE, "failed")
        return failed(error)
    CONSOLE.get().ends(PROMOTE, "done", decision.reason)
    return Completed(message=decision.reason)


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
    """Deploy what was promoted, as a task; the clip that its service answered lies at CLIP.

    Raises:
        MovaError: the service does not start, or answers another clip than it was packaged with.
    """
    run_job(DEPLOY, lambda show: serve_and_check(alias, keep_serving, runner, show))


def serve_and_check(alias: str, keep_serving: bool, runner: StageRunner, show: Show) -> StageResult:
    """Deploy, and end the service again if only this run wanted it."""
    deployed = runner.run_command(["mova", "deploy", "--alias", alias, "--clip", str(CLIP)], show)
    if keep_serving:
        return deployed
    if deployed.values["kept"] or deployed.values["replaced"]:
        return replace(
            deployed, summary=f"{deployed.summary}\nleft running, as one was before (`mova deploy --stop` ends it)"
        )
    runner.run_command(["mova", "deploy", "--stop"], show)
    return replace(
        deployed,
        summary=f"{deployed.values['url']} answered one request, byte for byte as packaged, and was ended; "
        "`mova deploy` serves it again",
    )


without_arguments(packaging)
