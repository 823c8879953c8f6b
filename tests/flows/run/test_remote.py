"""A run and its DVC remote: pushed after each gate, pulled where something is missing, and never the end of a run."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.states import State

from flows.curation import curation
from flows.project.remote import set_remote, settings_of
from flows.run.stages.runner import StageRunner, WorkerLost
from flows.run.stages.unpushed import note_unpushed, unpushed
from mova_core.errors import MovaError

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # between two libraries of DVC's own

FIRST_GATE = ["data/footage.dvc", "ingest", "contract@sources"]


def run(**parameters: Any) -> State[Any]:
    state = curation(**{"footage": "data/footage", **parameters}, return_state=True)
    APILogWorker.drain_all()
    EventsWorker.drain_all()
    return state


@pytest.fixture
def remote(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's remote, a folder."""
    folder = tmp_path_factory.mktemp("remote")
    set_remote(project, settings_of(str(folder)))
    return folder


def contents(folder: Path) -> set[str]:
    """What a remote or a cache holds of files and of listings of folders."""
    return {path.read_text() for path in folder.rglob("*") if path.is_file()}


def lose(project: Path, *names: str) -> None:
    for name in names:
        path = project / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_what_passes_its_gate_is_pushed_and_what_is_missing_is_pulled(
    project: Path, remote: Path, history: Any, break_contract: Callable[[], None]
) -> None:
    assert run().is_completed()
    log = [line for line in history.log(history.last_run()["id"]) if line.startswith("pushing")]
    targets = (", ".join(FIRST_GATE), "cut, contract@latents")
    assert log == [f"pushing {each} to {remote}" for each in targets]
    assert {"a", "b", "ab"} <= contents(remote) and unpushed() == []

    lose(project, "data/footage", "data/sources.txt", "data/clips.txt", "reports", ".dvc/cache", ".mova")
    assert run().is_completed()
    last = history.last_run()["id"]
    assert {name: end[1] for name, end in history.tasks(last).items() if name != "footage"} == dict.fromkeys(
        ("ingest", "contract@sources", "cut", "contract@latents"), "Cached"
    )
    assert [line for line in history.log(last) if line.startswith("pushing")] == []
    assert (project / "data/footage/a.mp4").read_text() == "a"

    break_contract()
    (project / "data/footage/c.mp4").write_text("c")
    assert run().is_failed()
    assert contents(remote).isdisjoint({"c", "abc"}), "their contract is broken"
    assert unpushed() == FIRST_GATE


def test_without_a_remote_nothing_happens_and_one_that_is_set_later_gets_all(
    project: Path, history: Any, tmp_path: Path
) -> None:
    assert run().is_completed()
    last = history.last_run()["id"]
    assert [line for line in history.log(last) if "push" in line or "pull" in line] == []
    assert "dvc-remote" not in [one["key"] for one in history.artifacts(last)]
    assert unpushed() == [*FIRST_GATE, "cut", "contract@latents"]
    set_remote(project, settings_of(str(tmp_path / "later")))
    assert run().is_completed()
    assert {"a", "b", "ab"} <= contents(tmp_path / "later") and unpushed() == []


def test_a_remote_that_does_not_take_it_is_told_and_gets_all_at_the_next_gate(
    project: Path, remote: Path, history: Any
) -> None:
    remote.rmdir()
    remote.write_text("no folder")
    (project / "cut.sh").write_text(f"rm -f {remote}; {(project / 'cut.sh').read_text()}")
    assert run().is_completed()
    last = history.last_run()["id"]
    told = [one for one in history.artifacts(last) if one["key"] == "dvc-remote"]
    assert len(told) == 1 and f"DVC could not push to {remote}" in told[0]["data"]
    assert {"a", "b", "ab"} <= contents(remote) and unpushed() == []


def test_a_stage_that_is_killed_is_pushed_later_and_one_that_had_nothing_to_do_is_not(
    checked_project: Path,
) -> None:
    (checked_project / "cut.sh").write_text("kill -9 $PPID $$")
    with StageRunner() as runner:
        assert not runner.run_stage("ingest", ignore).ran
        assert unpushed() == []
        with pytest.raises(WorkerLost):
            runner.run_stage("cut", ignore)
    assert unpushed() == ["cut"]


def test_what_the_remote_has_lost_is_told_and_what_is_no_stage_any_more_is_left_out(
    checked_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    remote = tmp_path_factory.mktemp("remote")
    set_remote(checked_project, settings_of(str(remote)))
    for target in ("ingest", "contract@sources", "encode@no-more"):
        note_unpushed(target)
    with StageRunner() as runner:
        assert not runner.push([], ignore).ran, "nothing has passed a gate"
        pushed = runner.push(["ingest", "contract@sources", "encode@no-more"], ignore)
        assert pushed.ran and pushed.summary == f"pushed 2 files to {remote}" and unpushed() == []
        assert not runner.pull(ignore).ran
        lose(checked_project, ".dvc/cache", "data/sources.txt", "reports")
        kept = remote / "files/md5" / md5_of("ab")
        kept.unlink()
        with pytest.raises(MovaError, match=r"could not pull all .* \(it has not got all of ingest\)"):
            runner.pull(ignore)
    assert (checked_project / "reports/contracts/sources.json").is_file()
    assert not (checked_project / "data/sources.txt").exists()


def ignore(_: object) -> None:
    """Show nothing."""


def md5_of(text: str) -> str:
    digest = hashlib.md5(text.encode()).hexdigest()
    return f"{digest[:2]}/{digest[2:]}"


def test_a_bucket_that_refuses_the_keys_is_told_without_them_and_takes_all_later(
    checked_project: Path, object_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**object_server.environment, "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    object_server.put("runs", "there", b"")
    set_remote(checked_project, settings_of("s3://runs/project"))
    note_unpushed("ingest")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-one")
    with StageRunner() as runner, pytest.raises(MovaError, match="could not push to s3://runs/project") as refused:
        runner.push(["ingest"], ignore)
    assert "not-the-one" not in str(refused.value) and unpushed() == ["ingest"]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", object_server.environment["AWS_SECRET_ACCESS_KEY"])
    with StageRunner() as runner:
        assert runner.push(["ingest"], ignore).summary == "pushed 1 file to s3://runs/project"
    assert unpushed() == []
