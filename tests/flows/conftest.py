"""A small DVC project of its own for each test: shell commands in place of stages, all else as in the real one."""

import contextlib
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo
from prefect.client.base import PrefectHttpxSyncClient
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows.run.servers.prefect_server import WITH_UI, server
from mova_core.json_events import Error, Log, Progress, Summary, as_line

ROOT = Path(__file__).parents[2]

STAGES = """
stages:
  ingest:
    cmd: cat ${ingest.footage}/* > data/sources.txt && cat ingest.events
    deps: [ "${ingest.footage}" ]
    outs: [ data/sources.txt ]
  contract:
    foreach:
      sources: data/sources.txt
      latents: data/clips.txt
    do:
      cmd: sh contract.sh ${key}
      deps: [ "${item}", contract.sh ]
      outs: [ "reports/contracts/${key}.json" ]
  cut:
    cmd: sh cut.sh
    deps: [ "reports/contracts/sources.json", cut.sh ]
    params: [ preset ]
    outs: [ data/clips.txt ]
"""

CONTRACT = """
mkdir -p reports/contracts
cat > reports/contracts/$1.json <<END
{"table": "$1", "verdict": "ok", "rows": 2, "files": {}, "expectations": [
 {"sentence": "every file has a path", "reason": "a row without one cannot be found again", "severity": "critical",
  "success": true, "observed": [], "got": "", "unexpected_count": 0, "element_count": 2, "first": []}]}
END
echo '{"event": "summary", "text": "'$1': 1 of 1 hold", "values": {}}'
"""


def summary_command(text: str) -> str:
    """Shell command that ends as a `mova` command does which succeeds."""
    return f"printf '%s\\n' {shlex.quote(as_line(Summary(text)))}"


def failure_command(message: str, exit_code: int = 1, kind: str = "MovaError") -> str:
    """Shell command that ends as a `mova` command does which fails."""
    return f"printf '%s\\n' {shlex.quote(as_line(Error(message, exit_code, kind)))}; exit {exit_code}"


BROKEN = CONTRACT.replace('"verdict": "ok"', '"verdict": "broken"').replace("true", "false") + failure_command(
    "contract sources broken (critical), 1 of 1 expectations:\n  every file has a path   got None in 1 of 2 rows",
    3,
    "ContractBroken",
)


@pytest.fixture(scope="session")
def summary() -> Callable[[str], str]:
    """`summary_command`, for tests."""
    return summary_command


@pytest.fixture(scope="session")
def failure() -> Callable[..., str]:
    """`failure_command`, for tests."""
    return failure_command


@pytest.fixture
def project(new_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder is a project of four stages, never run: ingest, contract@sources, cut, contract@latents."""
    return _copy(new_project, tmp_path, monkeypatch)


@pytest.fixture
def checked_project(run_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same after `dvc repro contract@sources`: cut and contract@latents are left to run."""
    return _copy(run_project, tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real `prefect server start`, with a history of its own, used by every flow of these tests."""
    home = tmp_path_factory.mktemp("prefect")
    with pytest.MonkeyPatch.context() as environment, contextlib.ExitStack() as running:
        environment.setenv("PREFECT_HOME", str(home))
        environment.delenv("PREFECT_API_URL", raising=False)
        with contextlib.chdir(home):  # only the server's own: other tests of the session stay where they are
            url = running.enter_context(server(home / "server.log", WITH_UI))
        environment.setenv("PREFECT_API_URL", url)
        running.enter_context(temporary_settings({PREFECT_API_URL: url, PREFECT_HOME: home}))
        yield url


class History:
    """What a Prefect server knows of the runs, asked the way its UI asks."""

    def __init__(self, api: str) -> None:
        self._client = PrefectHttpxSyncClient(base_url=api, timeout=30)  # asks again where the server is too busy

    def last_run(self) -> dict[str, Any]:
        return self.ask("/flow_runs/filter", sort="START_TIME_DESC", limit=1)[0]

    def run(self, run_id: str) -> dict[str, Any]:
        return self._client.get(f"/flow_runs/{run_id}").json()

    def tasks(self, run_id: str) -> dict[str, tuple[str, str, int]]:
        """(state type, state name, times run) of each task, once the server knows how all of them ended."""
        rows: list[dict[str, Any]] = []

        def ended() -> bool:
            rows[:] = self.ask("/task_runs/filter", flow_runs={"id": {"any_": [run_id]}})
            return all(row["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") for row in rows)

        self.wait(ended)
        return {row["name"]: (row["state_type"], row["state_name"], row["run_count"]) for row in rows}

    def artifacts(self, run_id: str) -> list[dict[str, Any]]:
        wanted = {"flow_run_id": {"any_": [run_id]}}
        return list(reversed(self.ask("/artifacts/filter", artifacts=wanted, sort="CREATED_DESC")))

    def log(self, run_id: str) -> list[str]:
        rows = self.ask("/logs/filter", logs={"flow_run_id": {"any_": [run_id]}}, sort="TIMESTAMP_ASC")
        return [row["message"] for row in rows]

    def ask(self, path: str, **body: Any) -> Any:
        return self._client.post(path, json=body).json()

    def wait(self, condition: Callable[[], bool], seconds: float = 240) -> None:
        """Until a condition holds; fails when it never does: the bound is for what hangs, not for a slow machine."""
        give_up = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < give_up, "the server did not get there"
            time.sleep(0.1)


@pytest.fixture
def history(prefect_api: str) -> History:
    return History(prefect_api)


@pytest.fixture
def break_contract(project: Path) -> Callable[[], None]:
    """Let contract@sources be broken from now on."""

    def break_it() -> None:
        (project / "contract.sh").write_text(BROKEN)

    return break_it


@pytest.fixture(scope="session")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new")
    with Repo.init(str(folder), no_scm=True):
        pass
    for name in ("params.yaml", "prefect.toml"):
        shutil.copy(ROOT / name, folder)
    (folder / "dvc.yaml").write_text(STAGES)
    (folder / "contract.sh").write_text(CONTRACT)
    (folder / "cut.sh").write_text(f"cp data/sources.txt data/clips.txt; {summary_command('5 clips')}\n")
    events = [Progress("ingest", 1, 2), Progress("ingest", 2, 2), Log("warning", "b.mp4 is dark"), Summary("2 files")]
    (folder / "ingest.events").write_text("".join(f"{as_line(event)}\n" for event in events))
    footage = folder / "data" / "footage"
    footage.mkdir(parents=True)
    (footage / "a.mp4").write_text("a")
    (footage / "b.mp4").write_text("b")
    return folder


@pytest.fixture(scope="session")
def run_project(new_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "project"
    shutil.copytree(new_project, folder)
    with contextlib.chdir(folder), Repo() as repo:
        repo.reproduce("contract@sources")
    return folder


def _copy(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(source, target, dirs_exist_ok=True)
    monkeypatch.chdir(target)
    return target
