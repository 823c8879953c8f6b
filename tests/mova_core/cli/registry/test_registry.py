"""`mova registry` and `mova promote`: what a person and a machine read, and the exit codes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from mova_core.cli.main import command
from mova_core.cli.registry.promote import promote
from mova_core.cli.registry.registry import registry


@pytest.fixture(autouse=True)
def empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("preset: nano\n")
    monkeypatch.delenv("MOVA_DATABASE_URL", raising=False)
    yield


def mova(*arguments: str) -> Result:
    app = typer.Typer()
    app.add_typer(registry, name="registry")
    app.command("promote")(command(promote, "promote"))
    return CliRunner().invoke(app, arguments)


def test_an_empty_registry_is_listed() -> None:
    assert "0 added" in mova("registry", "sync").output
    assert mova("registry", "list").output.splitlines()[0] == "datasets: none"
    assert json.loads(mova("registry", "list", "--json").output)["tables"]["runs"] == []
    assert json.loads(mova("registry", "list", "jobs", "--json").output) == {"table": "jobs", "rows": []}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("registry", "list", "clips"), 2, "mova registry list: the registry has no table 'clips'"),
        (("registry", "lineage", "clip.mp4"), 2, "mova registry lineage: clip.mp4 is not there"),
        (("promote",), 2, "mova promote: 'models/phase3' is no alias"),
        (("promote", "--alias", "Not An Alias"), 2, "cannot be an alias"),
        (("promote", "--force"), 2, "a forced promotion needs --reason"),
        (("promote", "--force", "--reason", " "), 2, "a forced promotion needs a reason"),
        (("promote", "--reason", "it is new"), 2, "--reason goes with --force"),
        (("promote", "--params", "other.yaml"), 2, "other.yaml"),
        (("registry", "diff", "production", "staging"), 2, "mova registry diff: 'production' is no alias"),
        (("registry", "export", "production", "--out", "b.tar", "--key", "k.pem"), 2, "k.pem is not there, expected"),
        (("registry", "import", "b.tar", "--trust", "k.pem"), 2, "mova registry import: k.pem is not there, expected"),
    ],
)
def test_errors_are_one_sentence(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    result = mova(*arguments)
    assert result.exit_code == code
    assert sentence in result.stderr and "Traceback" not in result.stderr
    assert json.loads(mova(*arguments, "--json").stdout)["exit_code"] == code


def test_an_unreadable_manifest_is_one_sentence() -> None:
    Path("runs/phase1").mkdir(parents=True)
    Path("runs/phase1/manifest.json").write_text("{}")
    result = mova("registry", "sync")
    assert result.exit_code == 1
    assert "runs/phase1/manifest.json cannot be read (phase: Field required)" in result.stderr


@pytest.mark.parametrize("arguments", [("registry",), ("registry", "sync"), ("registry", "lineage"), ("promote",)])
def test_help_has_words(arguments: tuple[str, ...]) -> None:
    assert "Usage:" in mova(*arguments, "--help").output
