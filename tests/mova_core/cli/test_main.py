"""`mova`: help is quick and complete, errors are one sentence with the right exit code."""

import json
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

COMMANDS = sorted(entry.name for entry in entry_points(group="mova.commands"))


def mova(*arguments: str, cwd=None) -> subprocess.CompletedProcess[str]:
    script = "from mova_core.cli.main import main; main()"
    return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, cwd=cwd)


def test_help_lists_every_command_and_imports_nothing_heavy():
    script = (
        "import sys\n"
        "from mova_core.cli.main import build_app\n"
        "build_app()\n"
        "heavy = {'torch', 'av', 'cv2', 'numpy', 'pandas', 'pyarrow', 'great_expectations', 'prefect', 'dvc'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "[]\n"
    shown = mova("--help").stdout
    assert [name for name in COMMANDS if name not in shown] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_shows_an_example(name):
    from typer.testing import CliRunner

    from mova_core.cli.main import build_app

    result = CliRunner().invoke(build_app(), [name, "--help"])
    assert result.exit_code == 0
    if "COMMAND [ARGS]" in result.output:  # a group: its commands show theirs
        return
    assert f"Example: mova {name}" in result.output
    assert "--json" in result.output


def test_an_error_is_one_sentence_and_exit_2(tmp_path):
    result = mova("ingest", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("mova ingest: params.yaml is missing")
    assert len(result.stderr.splitlines()) == 1


def test_an_error_as_json(tmp_path):
    result = mova("ingest", "--json", cwd=tmp_path)
    assert json.loads(result.stdout)["exit_code"] == 2


def test_a_traceback_comes_only_with_debug(tmp_path):
    assert "Traceback" in mova("ingest", "--debug", cwd=tmp_path).stderr


def test_wrong_use_is_exit_2():
    assert mova("ingest", "--no-such-option").returncode == 2
    assert mova("no-such-command").returncode == 2
