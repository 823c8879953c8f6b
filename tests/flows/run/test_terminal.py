"""`python -m flows.lifecycle`: one line a step on the screen, the exit code of what went wrong, no traceback."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.lifecycle import main


def run(*arguments: str, api: str | None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("PREFECT_API_URL", "PREFECT_HOME")}
    if api:
        environment["PREFECT_API_URL"] = api
    command = [sys.executable, "-m", "flows.lifecycle", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=200)


def words(output: str) -> list[str]:
    return [" ".join(line.split()) for line in output.splitlines()]


def test_a_run_with_no_server_anywhere_prints_a_line_a_step(project: Path) -> None:
    done = run("--footage", "data/footage", "--until", "contract@latents", api=None)
    assert (done.returncode, done.stderr) == (0, "")
    lines = words(done.stdout)
    assert lines[0].startswith("[1/4] footage data/footage")
    assert lines[1].startswith("[2/4] ingest 2 files")
    assert lines[2].startswith("[3/4] cut 5 clips")
    assert lines[3].startswith("[4/4] contracts sources ✔ latents ✔")
    assert (project / ".prefect" / "prefect.db").exists()  # `make ui` shows the run later
    assert "Finished in state" in (project / "logs" / "lifecycle.log").read_text()


def test_a_broken_contract_is_told_in_a_sentence_and_exits_3(
    project: Path, prefect_api: str, break_contract: Callable[[], None]
) -> None:
    break_contract()
    done = run("--footage", "data/footage", "--until", "contract@latents", api=prefect_api)
    assert done.returncode == 3
    assert words(done.stdout)[-1].startswith("[4/4] contracts sources ✘")
    assert "contract sources broken (critical), 1 of 1 expectations:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--footage", "data/footage", "--clips", "9"], "--clips is for synthetic footage"),
        (["--workers", "-1"], "greater than or equal to 0"),
        (["--preset", "huge"], "invalid choice: 'huge'"),
    ],
)
def test_wrong_use_exits_2_before_anything_starts(
    project: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["lifecycle", *arguments])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert message in capsys.readouterr().err
    assert not (project / "logs").exists()
