"""`mova takedown` and `mova registry lineage --forward`, as a person uses them."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mova_core.cli.main import build_app


@pytest.fixture
def mova(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Function that runs a command in an empty project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOVA_DATABASE_URL", f"sqlite:///{tmp_path}/registry.db")
    return lambda *arguments: CliRunner().invoke(build_app(), list(arguments))


def test_a_file_is_taken_down_listed_and_restored(mova: Any, tmp_path: Path) -> None:
    (tmp_path / "interview.mp4").write_bytes(b"bytes")
    done = mova("takedown", "interview.mp4", "--reason", "consent withdrawn", "--json")
    assert done.exit_code == 0, done.output
    values = json.loads(done.output)
    assert values["reached"]["runs"] == [] and len(values["new"]) == 1
    assert "consent withdrawn" in (tmp_path / "data/takedowns.json").read_text()
    assert "taken down since" in mova("takedown", "--list").output
    assert mova("takedown", "interview.mp4", "--undo", "--reason", "a mistake").exit_code == 0
    assert "may be used again since" in mova("takedown", "--list").output
    forward = mova("registry", "lineage", "--forward", "interview.mp4")
    assert (forward.exit_code, "reached no recorded dataset" in forward.output) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["takedown"], "name a file"),
        (["takedown", "x.mp4", "--list"], "give it alone"),
        (["takedown", "a" * 64], "need a reason"),
        (["takedown", "nobody.mp4", "--reason", "why"], "no path of a recorded version"),
        (["takedown", "a" * 64, "--undo", "--reason", "why"], "is not taken down"),
    ],
)
def test_wrong_use_is_told(mova: Any, arguments: list[str], told: str) -> None:
    done = mova(*arguments)
    assert (done.exit_code, told in done.output) == (2, True), done.output
