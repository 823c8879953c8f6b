"""The served deployment, as the UI sees it: a form with typed fields and help, and runs that work from there."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import psutil
import pytest

from mova_core.params import PresetName


@pytest.fixture
def deployments(project: Path, prefect_api: str, history: Any) -> Iterator[dict[str, dict[str, Any]]]:
    """`python -m flows.deployments`, running in the project."""
    environment = {**os.environ, "PREFECT_API_URL": prefect_api, "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
    with (project / "served.log").open("w") as log:
        serving = subprocess.Popen([sys.executable, "-m", "flows.deployments"], env=environment, stdout=log, stderr=log)
    try:
        history.wait(lambda: serving.poll() is not None or len(history.ask("/deployments/filter")) == 5)
        assert serving.poll() is None, (project / "served.log").read_text()
        yield {one["entrypoint"].rpartition(".")[2]: one for one in history.ask("/deployments/filter")}
    finally:
        _interrupt(serving)


def _interrupt(serving: "subprocess.Popen[bytes]") -> None:
    """Ctrl-C, and once more if need be, as people do: Prefect's runner can lose one that meets the end of a run."""
    for _ in range(2):
        serving.send_signal(signal.SIGINT)
        try:
            serving.wait(60)
            return
        except subprocess.TimeoutExpired:
            continue
    serving.kill()
    raise AssertionError("serving went on after two interrupts")


@pytest.mark.timeout(900)
def test_the_form_is_typed_and_runs_complete_fail_and_cancel(
    project: Path, deployments: dict[str, dict[str, Any]], history: Any, break_contract: Callable[[], None]
) -> None:
    assert sorted(deployments) == ["curation", "evaluation", "lifecycle", "packaging", "training"]
    for flow, each in deployments.items():
        assert each["name"] == flow
        assert each["description"] and "Args:" not in each["description"]
        assert all(field["description"] for field in each["parameter_openapi_schema"]["properties"].values())
    life = deployments["lifecycle"]["parameter_openapi_schema"]["properties"]
    assert list(life) == ["preset", "footage", "until", "keep_serving", "advanced"]
    assert life["until"]["enum"] == ["everything", "ingest", "contract@sources", "cut", "contract@latents"]

    deployment = deployments["curation"]
    schema = deployment["parameter_openapi_schema"]
    fields = schema["properties"]
    assert list(fields) == ["preset", "footage", "until", "advanced"]
    assert set(get_args(PresetName)) < set(fields["preset"]["enum"])
    assert fields["until"]["enum"] == ["ingest", "contract@sources", "cut", "contract@latents"]
    advanced = schema["definitions"]["Advanced"]["properties"]
    assert all(field["type"] == "integer" and field["description"] for field in advanced.values())

    def start(**parameters: Any) -> str:
        body = {"parameters": {"footage": "data/footage", **parameters}}
        return str(history.ask(f"/deployments/{deployment['id']}/create_flow_run", **body)["id"])

    def wait_for(run_id: str, *types: str) -> dict[str, Any]:
        history.wait(lambda: history.run(run_id)["state_type"] in types)
        return history.run(run_id)

    done = start()
    assert wait_for(done, "COMPLETED", "FAILED", "CRASHED")["state_name"] == "Completed"
    assert [artifact["key"] for artifact in history.artifacts(done)] == [None, "contract-sources", "contract-latents"]

    (project / "cut.sh").write_text("echo $$ > pid; exec sleep 1000\n")
    cancelled = start()
    history.wait(lambda: (project / "pid").exists())
    stage = psutil.Process(int((project / "pid").read_text()))
    history.ask(f"/flow_runs/{cancelled}/set_state", state={"type": "CANCELLING"})
    assert wait_for(cancelled, "CANCELLED", "FAILED", "CRASHED")["state_name"] == "Cancelled"
    psutil.wait_procs([stage], timeout=20)
    assert not stage.is_running()

    break_contract()
    broken = wait_for(start(), "COMPLETED", "FAILED", "CRASHED")
    assert (broken["state_type"], broken["state_name"]) == ("FAILED", "Failed")
    assert "contract sources broken" in broken["state"]["message"]
    assert "contract-sources" in [artifact["key"] for artifact in history.artifacts(broken["id"])]
