"""The command passes its arguments on and says what it made."""

from pathlib import Path

from typer import Typer
from typer.testing import CliRunner

from mova_core.cli.curation.make_footage import make_footage
from mova_core.cli.main import command


def test_it_makes_a_folder_and_says_so_and_refuses_wrong_use(tmp_path: Path) -> None:
    app = Typer()
    app.command()(command(make_footage, "make-footage"))
    folder = tmp_path / "footage"
    made = CliRunner().invoke(app, [str(folder), "--clips", "1", "--seed", "3", "--workers", "1"])
    assert made.exit_code == 0 and "6 files (3 of them broken on purpose)" in made.output
    again = CliRunner().invoke(app, [str(folder), "--clips", "1", "--seed", "3", "--workers", "1"])
    assert again.exit_code == 0 and "already there" in again.output
    assert CliRunner().invoke(app, [str(folder), "--clips", "0"]).exit_code == 2
