"""The flow over a small DVC project, on a real server: what runs, what is cached, what fails, and how it is shown."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.states import State

from flows.curation import curation
from mova_core.errors import ContractBroken, MovaError, UsageError

LOSE_WORKER = f"test -e once || {{ touch once; {sys.executable} -c 'import os; os.kill(os.getpgrp(), 9)'; }}"
STAGES = ["ingest", "contract@sources", "cut", "contract@latents"]
COMPLETED = ("COMPLETED", "Completed", 1)
CACHED = ("COMPLETED", "Cached", 1)


def run(**parameters: Any) -> State[Any]:
    """The flow's last state, once everything it has to say has reached the server."""
    state = curation(**{"footage": "data/footage", **parameters}, return_state=True)
    APILogWorker.drain_all()
    EventsWorker.drain_all()
    return state


def test_a_first_run_is_shown_a_second_finds_everything_cached_and_a_third_what_follows_the_same_content(
    project: Path, history: Any
) -> None:
    assert run().is_completed()
    first = history.last_run()["id"]
    assert history.tasks(first) == dict.fromkeys(["footage", *STAGES], COMPLETED)
    assert (project / "data" / "footage.dvc").exists()
    log = history.log(first)
    assert "2 files" in log and "5 clips" in log and "b.mp4 is dark" in log
    assert "ingest 2/2" not in log  # progress is not log
    progress, contract, _ = history.artifacts(first)
    assert (progress["type"], progress["data"]) == ("progress", 100.0)
    assert contract["key"] == "contract-sources" and "every file has a path" in contract["data"]
    assert (project / "logs" / "ingest.log").read_text().splitlines() == [
        "ingest 1/2",
        "ingest 2/2",
        "b.mp4 is dark",
        "2 files",
    ]

    assert run().is_completed()
    second = history.last_run()["id"]
    assert second != first
    assert history.tasks(second) == {
        "footage": COMPLETED,
        **dict.fromkeys(STAGES, CACHED),
    }
    assert [artifact["key"] for artifact in history.artifacts(second)] == ["contract-sources", "contract-latents"]

    (project / "data" / "footage" / "a.mp4").write_text("")
    (project / "data" / "footage" / "b.mp4").write_text("ab")  # together they read as before
    run()
    tasks = history.tasks(history.last_run()["id"])
    assert tasks["ingest"] == COMPLETED
    assert tasks["contract@sources"] == tasks["cut"] == tasks["contract@latents"] == CACHED


def test_a_broken_contract_fails_once_and_stops_the_run(
    project: Path, history: Any, break_contract: Callable[[], None]
) -> None:
    break_contract()
    state = run(preset="mova-360p")
    assert "preset: mova-360p #" in (project / "params.yaml").read_text()  # what was chosen stays
    last = history.last_run()
    assert (last["state_type"], last["state_name"]) == ("FAILED", "Failed")
    assert "every file has a path   got None in 1 of 2 rows" in last["state"]["message"]
    assert history.tasks(last["id"]) == {
        "footage": COMPLETED,
        "ingest": COMPLETED,
        "contract@sources": ("FAILED", "Failed", 1),
    }
    contract = next(one for one in history.artifacts(last["id"]) if one["key"] == "contract-sources")
    assert json.loads(contract["data"])[0]["holds"] == "✘" and "broken" in contract["description"]
    with pytest.raises(ContractBroken, match="contract sources broken"):
        state.result()


def test_a_lost_worker_is_tried_again_and_other_failures_are_not(
    project: Path, history: Any, failure: Callable[..., str]
) -> None:
    (project / "cut.sh").write_text(f"{LOSE_WORKER}\ncp data/sources.txt data/clips.txt\n")
    assert run().is_completed()
    assert history.tasks(history.last_run()["id"])["cut"] == ("COMPLETED", "Completed", 2)

    (project / "cut.sh").write_text(failure("no room"))
    with pytest.raises(MovaError, match=r"^cut: no room$"):
        run().result()
    assert history.tasks(history.last_run()["id"])["cut"] == ("FAILED", "Failed", 1)


def test_synthetic_footage_is_made_once_and_until_stops_there(project: Path, history: Any) -> None:
    shutil.rmtree(project / "data" / "footage")
    for told in ("room for", "already there"):
        assert run(footage="synthetic", until="ingest", advanced={"clips": 2}).is_completed()
        last = history.last_run()["id"]
        assert any(told in line for line in history.log(last))
        assert set(history.tasks(last)) == {"footage", "ingest"}
    (project / "data" / "footage" / "mine.mp4").write_text("mine")
    with pytest.raises(UsageError, match="name a new or empty"):
        run(footage="synthetic", until="ingest", advanced={"clips": 2, "seed": 1}).result()


def test_footage_elsewhere_is_locked_and_stays_there(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("my footage")
    (elsewhere / "c.mp4").write_text("c")
    assert run(footage=str(elsewhere), until="ingest").is_failed()  # this ingest cannot read a lock, ours can
    assert "footage: data/sources.lock #" in (project / "params.yaml").read_text()
    assert "c.mp4" in (project / "data" / "sources.lock").read_text()
    assert not (project / "data" / "footage.dvc").exists()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"footage": "nowhere"}, "footage: nowhere is missing"),
        ({"footage": "dvc.yaml"}, r"footage: dvc\.yaml is a file"),
        ({"until": "trian"}, "no stage 'trian'"),
    ],
)
@pytest.mark.usefixtures("project", "prefect_api")
def test_wrong_use_is_one_sentence(parameters: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run(**parameters).result()
