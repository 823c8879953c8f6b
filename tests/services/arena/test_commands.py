"""`mova arena`: what a person and a machine read, and the exit codes."""

import json
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from services.arena.commands import arena


@pytest.fixture(autouse=True)
def empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOVA_DATABASE_URL", raising=False)


def mova(*arguments: str) -> Result:
    app = typer.Typer()
    app.add_typer(arena, name="arena")
    return CliRunner().invoke(app, arguments)


def test_results_of_an_empty_arena_say_how_to_vote() -> None:
    assert "no votes yet: run `mova arena serve` and vote" in mova("arena", "results").output
    found = json.loads(mova("arena", "results", "--json").output)
    assert found["judges"]["human"]["dimensions"]["overall"]["elo"] is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("serve",), "mova arena serve: the arena has no pair to vote on"),
        (("add", "nowhere", "--name", "x"), "mova arena add: nowhere is no folder"),
        (("add", ".", "--name", "x", "--prompts", "p.jsonl"), "p.jsonl is missing"),
    ],
)
def test_errors_are_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    result = mova("arena", *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr and "Traceback" not in result.stderr
