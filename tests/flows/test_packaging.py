"""What goes out: a refused promotion fails the run with its decision, and only a service of this run's own is ended."""

from pathlib import Path
from typing import Any

import pytest

from flows.packaging import packaging, serve_and_check
from flows.run.stages.runner import StageResult
from mova_core.errors import MovaError
from mova_core.ports import free_port
from mova_core.registry.promotion.promotion import Decision

REPORT = """
  report:
    cmd: mkdir -p dist && echo page > dist/page
    deps: [ reports/contracts/latents.json ]
    outs: [ dist/page ]
"""
DEPLOYED = {"url": "http://127.0.0.1:3000", "kept": False, "replaced": None}


class Commands:
    """A runner that answers `mova deploy` and remembers what it was asked."""

    def __init__(self, **deployed: Any) -> None:
        self.asked: list[list[str]] = []
        self._result = StageResult(True, "mova:1 serves at http://127.0.0.1:3000", {**DEPLOYED, **deployed})

    def run_command(self, command: list[str], show: Any) -> StageResult:
        self.asked.append(command[1:3])
        return self._result


@pytest.mark.parametrize(
    ("before", "keep_serving", "ended"),
    [
        ({}, False, True),
        ({}, True, False),
        ({"kept": True}, False, False),
        ({"replaced": "mova:0"}, False, False),
    ],
)
def test_only_a_service_that_this_run_started_is_ended(before: dict[str, Any], keep_serving: bool, ended: bool) -> None:
    commands = Commands(**before)
    result = serve_and_check("production", keep_serving, commands, print)  # type: ignore[arg-type]
    assert (["deploy", "--stop"] in commands.asked) is ended
    assert ("was ended" in result.summary) is ended
    assert ("left running" in result.summary) is bool(before)


def test_a_refused_promotion_fails_the_run_with_its_decision(
    checked_project: Path, history: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dvc, params = checked_project / "dvc.yaml", checked_project / "params.yaml"
    dvc.write_text(dvc.read_text() + REPORT)
    params.write_text(params.read_text().replace("port: 3000", f"port: {free_port()}"))
    compared = {"metric": "event_f1", "candidate": 0.1, "champion": 0.9, "bound": 0.8, "verdict": "worse"}
    decision = Decision(
        "production", "new", "old", "kept", "the champion old stays: event_f1 is worse", {"metrics": [compared]}
    )
    monkeypatch.setattr("mova_core.evaluation.promote.promote", lambda *_: decision)
    state: Any = packaging(return_state=True)
    with pytest.raises(MovaError, match="the champion old stays: event_f1 is worse"):
        state.result()
    run = history.last_run()["id"]
    assert history.tasks(run)["promote"] == ("FAILED", "Failed", 1)
    assert {"promotion", "report"} <= {artifact["key"] for artifact in history.artifacts(run)}
    assert "deploy" not in history.tasks(run)
