"""The whole life as one flow over a small DVC project: its subflows, what the console shows, and a gate that fails."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.states import State

from flows.lifecycle import lifecycle
from mova_core.errors import MovaError, UsageError

TRAINING = """
  train:
    foreach: { audio: reports/contracts/latents.json, phase1: models/audio }
    do:
      cmd: mkdir -p runs/${key} && echo weights > runs/${key}/weights
      deps: [ "${item}" ]
      outs: [ "runs/${key}" ]
  evaluate:
    foreach: [ audio, phase1 ]
    do:
      cmd: mkdir -p reports/evaluation/${item} && cp metrics.json reports/evaluation/${item}/metrics.json
      deps: [ "runs/${item}", metrics.json ]
      outs: [ "reports/evaluation/${item}" ]
  select:
    foreach: [ audio, phase1 ]
    do:
      cmd: sh select.sh ${item}
      deps: [ "reports/evaluation/${item}", select.sh ]
      outs: [ "models/${item}" ]
"""

METRICS = {
    "metrics": {
        "audio_class": {"value": 0.7, "low": 0.6, "high": 0.8, "shuffled": 0.25, "data": 1.0}
        | {"better": "higher", "unavailable": None},
        "event_f1": dict.fromkeys(["value", "low", "high", "shuffled", "data"])
        | {"better": "higher", "unavailable": "there is no video"},
    }
}

SELECT = """
mkdir -p models/$1
cat > models/$1/selection.json <<END
{"reason": "step 300 fails 1 of 1 gates (audio_class)", "passed": false, "gates": [
 {"name": "audio_class", "value": 0.7, "limit": 0.8, "better": "higher", "sign": "≥",
  "passed": false, "unavailable": null}]}
END
"""

FAILED = "models/audio holds no model: step 300 fails 1 of 1 gates (audio_class)\n  FAILED  audio_class   0.700 ≥ 0.8"


@pytest.fixture
def trained_project(project: Path, summary: Callable[[str], str]) -> Path:
    """`project` with two phases after it, whose gates pass."""
    dvc = project / "dvc.yaml"
    dvc.write_text(dvc.read_text() + TRAINING)
    (project / "metrics.json").write_text(json.dumps(METRICS))
    (project / "select.sh").write_text(SELECT + summary("its gates pass"))
    return project


def run(**parameters: Any) -> State[Any]:
    state = lifecycle(**{"footage": "data/footage", **parameters}, return_state=True)
    APILogWorker.drain_all()
    EventsWorker.drain_all()
    return state


def last_of(history: Any, flow: str) -> dict[str, Any]:
    return history.ask("/flow_runs/filter", flows={"name": {"any_": [flow]}}, sort="START_TIME_DESC", limit=1)[0]


def test_a_life_is_subflows_in_order_and_the_second_one_is_cached(trained_project: Path, history: Any) -> None:
    state = run(until="select@phase1")
    assert state.is_completed() and state.message == "its gates pass"
    parent = last_of(history, "lifecycle")["id"]
    inside = {"parent_flow_run_id": {"any_": [parent]}}
    names = [one["name"] for one in history.ask("/flow_runs/filter", flow_runs=inside, sort="START_TIME_ASC")]
    assert names[1:] == ["training-audio", "evaluation-audio", "training-phase1", "evaluation-phase1"]
    judged = last_of(history, "evaluation")["id"]
    assert [one["key"] for one in history.artifacts(judged)] == ["evaluation-phase1", "gates-phase1"]
    measures, _ = (json.loads(one["data"]) for one in history.artifacts(judged))
    assert [row["value"] for row in measures] == ["0.700", "unavailable: there is no video"]

    assert run(until="select@phase1").is_completed()
    again = history.tasks(last_of(history, "evaluation")["id"])
    assert {name: end[1] for name, end in again.items()} == {"evaluate@phase1": "Cached", "select@phase1": "Cached"}


def test_a_failing_gate_ends_the_life_with_its_table(
    trained_project: Path, history: Any, failure: Callable[..., str]
) -> None:
    (trained_project / "select.sh").write_text(SELECT + failure(FAILED))
    state = run(until="select@phase1")
    assert state.is_failed()
    with pytest.raises(MovaError, match=r"select@audio: models/audio holds no model(.|\n)*FAILED  audio_class   0.700"):
        state.result()
    judged = last_of(history, "evaluation")
    assert judged["name"] == "evaluation-audio" and judged["state_name"] == "Failed"
    gates = history.artifacts(judged["id"])[-1]
    assert json.loads(gates["data"]) == [{"passed": "✘", "measure": "audio_class", "value": "0.700", "limit": "≥ 0.8"}]
    assert not (trained_project / "runs/phase1").exists()


@pytest.mark.usefixtures("prefect_api")
def test_wrong_use_is_refused_before_the_footage_is_touched(project: Path) -> None:
    with pytest.raises(UsageError, match="no stage 'trian'"):
        run(until="trian").result()
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("seed: 0", "sede: 0", 1))
    with pytest.raises(UsageError, match="unknown key 'sede'"):
        run().result()
    params.write_text(params.read_text().replace("sede: 0", "seed: 0", 1))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        params.write_text(params.read_text().replace("port: 3000", f"port: {port}"))
        with pytest.raises(UsageError, match=f"port {port} of 127.0.0.1, where the model is to be served"):
            run().result()
    assert not (project / "data" / "footage.dvc").exists()
