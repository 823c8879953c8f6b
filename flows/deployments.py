"""Serves the flows to Prefect's UI: each gets a Run button whose form has typed fields with help.

    prefect server start                      in one terminal
    python -m flows.deployments               in another, or both at once:
    python -m flows.deployments --with-server

Runs work on the folder this is started in, one at a time: two would wait for the same DVC lock.
"""

import argparse
import os
import sys
from typing import Any

from prefect import Flow, serve
from prefect.deployments.runner import RunnerDeployment
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.types.entrypoint import EntrypointType

from flows.curation import LAST as CURATED
from flows.curation import curation
from flows.evaluation import evaluation
from flows.lifecycle import lifecycle
from flows.packaging import packaging
from flows.run.pipeline_run import EVERYTHING
from flows.run.servers.prefect_server import HOST, WITH_UI, server
from flows.run.servers.report_server import reports_served
from flows.run.stages.plan import plan
from flows.training import training
from mova_core.errors import MovaError
from mova_core.places import LOGS

PORT = 4200


def deployments() -> list[RunnerDeployment]:
    """`FLOW/FLOW` for each flow, `until` a choice of the stages that dvc.yaml has now.

    Raises:
        UsageError: there is no DVC project here.
    """
    names = [stage.name for stage in plan("")]
    return [
        _deployment(lifecycle, until=[EVERYTHING, *names]),
        _deployment(curation, until=names[: names.index(CURATED) + 1]),
        _deployment(training),
        _deployment(evaluation),
        _deployment(packaging),
    ]


def _deployment(flow: Flow[..., Any], **choices: list[str]) -> RunnerDeployment:
    deployment = flow.to_deployment(
        name=flow.name,
        description=flow.description,
        tags=["dvc"],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    assert isinstance(deployment, RunnerDeployment)  # a coroutine only inside a running event loop
    schema = deployment._parameter_openapi_schema  # Prefect has no public way to offer values known only at run time
    for name, values in choices.items():
        schema.properties[name]["enum"] = values
    return deployment


def main() -> int:
    """Serve until interrupted; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.deployments", description="Serve the flows to Prefect's UI.")
    parser.add_argument("--with-server", action="store_true", help="start the Prefect server and its UI as well")
    given = parser.parse_args()
    if not given.with_server:
        os.environ.setdefault("PREFECT_API_URL", f"http://{HOST}:{PORT}/api")
    try:
        with (
            server(LOGS / "prefect-server.log", WITH_UI, PORT) as url,
            temporary_settings({PREFECT_API_URL: url}),
            reports_served() as reports,
        ):
            print(f"Prefect's UI   {url.removesuffix('/api')}", flush=True)
            print(f"reports        {reports}\n(Ctrl-C ends both)", flush=True)
            serve(*deployments(), limit=1, print_starting_message=False)
    except MovaError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
