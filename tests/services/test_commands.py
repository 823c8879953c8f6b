"""`mova package`, `mova serve` and `mova deploy` answer silly input in one sentence, before anything is started."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mova_core.cli.main import command
from services.commands import deploy, package, serve


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("package", "nothing"),
            "mova package: 'nothing' is no alias (known: none yet), no checkpoint id",
        ),
        (("package", "."), "is not a model folder: model_index.json is missing"),
        (("serve",), "mova serve: dist/bento holds no package (reference.json is missing): run `mova package`"),
        (("serve", "--dist", "params.yaml"), "params.yaml holds no package"),
        (("serve", "--params", "none.yaml"), "none.yaml is missing"),
        (("deploy",), "alias 'production' names no checkpoint: run `mova promote models/phase3 --alias production`"),
        (("deploy", "--alias", "Not An Alias"), "'Not An Alias' cannot be an alias, expected lower-case words"),
        (("deploy", "--stop", "--dist", "x"), "--dist has no effect beside --stop"),
    ],
)
def test_silly_input_is_one_sentence(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("{}")
    app = typer.Typer()
    for function in (package, serve, deploy):
        app.command(function.__name__)(command(function, function.__name__))
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr and result.stderr.count("\n") == 1
