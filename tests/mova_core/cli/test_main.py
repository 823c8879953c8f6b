"""`mova`: help is quick and complete, errors are one sentence with the right exit code."""

import json
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mova_core.cli.main import build_app, main
from mova_core.cli.sections import SECTIONS, STAGES
from mova_core.json_events import Error, Progress, Summary, from_line

COMMANDS = sorted({*STAGES, *(entry.name for entry in entry_points(group="mova.commands"))})
CURATION = Path(__file__).parents[3] / "mova_core/curation"


def mova(*arguments: str, cwd=None) -> subprocess.CompletedProcess[str]:
    script = "from mova_core.cli.main import main; main()"
    return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, cwd=cwd)


@pytest.fixture
def mova_here(monkeypatch, capsys):
    """Function that runs `mova` in this process: exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mova", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def app():
    return build_app()


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
def test_each_command_shows_an_example(app, name):
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0
    if "COMMAND [ARGS]" in result.output:  # a group: its commands show theirs
        return
    assert f"Example: mova {name}" in result.output
    assert "--json" in result.output


def test_each_command_of_the_registry_shows_an_example(app):
    listed = CliRunner().invoke(app, ["registry", "--help"]).output.partition("Commands:")[2].splitlines()
    names = [line.split()[0] for line in listed if re.match(r"  \w", line)]
    assert {"rollback", "gc", "verify", "export", "import", "diff"} <= set(names)
    for name in names:
        assert f"Example: mova registry {name}" in CliRunner().invoke(app, ["registry", name, "--help"]).output


def test_an_error_is_one_sentence_and_exit_2(tmp_path):
    result = mova("ingest", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("mova ingest: params.yaml is missing")
    assert len(result.stderr.splitlines()) == 1


def test_an_error_as_json(mova_here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert json.loads(mova_here("ingest", "--json")[1])["exit_code"] == 2


def test_a_traceback_comes_only_with_debug(mova_here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "Traceback" in mova_here("ingest", "--debug")[2]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["traain"], "mova: No such command 'traain'. Did you mean 'train'?"),
        (["cut", "--worker", "2"], "mova cut: No such option: --worker (Possible options: --workers)"),
        (["registry", "lisst"], "mova registry: No such command 'lisst'. Did you mean 'list'?"),
        (["train"], "mova train: PHASE is missing: expected `mova train PHASE`, one of audio, phase1"),
        (["cut", "--workers", "two"], "mova cut: Invalid value for '--workers'"),
    ],
)
def test_wrong_use_is_one_sentence_with_the_nearest_name_and_exit_2(mova_here, arguments, told):
    code, output, sentence = mova_here(*arguments)
    assert (code, output) == (2, "")
    assert sentence.startswith(told)
    assert len(sentence.splitlines()) == 1


def test_commands_are_listed_in_the_order_of_the_life_of_a_clip():
    shown = [line.split()[0] for line in mova("--help").stdout.splitlines() if line.strip()]
    life = (
        "make-footage ingest segment cut assess caption fit_codec encode train evaluate select package promote deploy"
    )
    places = [shown.index(name) for name in life.split()]
    assert places == sorted(places)


def test_every_stage_of_curation_has_a_command_in_the_first_section():
    assert list(STAGES) == sorted(path.parent.name for path in CURATION.glob("*/stage.py"))
    assert set(STAGES) <= set(next(iter(SECTIONS.values())))


def test_every_command_has_a_section():
    assert set(COMMANDS) <= {name for names in SECTIONS.values() for name in names}


def test_events_tell_the_summary_and_every_kind_of_failure(tmp_path):
    done = mova("make-footage", "footage", "--clips", "1", "--json-events", cwd=tmp_path)
    *progress, summary = [from_line(line) for line in done.stdout.splitlines()]
    assert progress and all(isinstance(event, Progress) for event in progress)
    assert isinstance(summary, Summary) and summary.text and summary.values["files"] > 0
    for arguments, kind in (
        (["ingest"], "UsageError"),
        (["ingest", "--no-such-option"], "UsageError"),
        (["no-such-command"], "UsageError"),
        (["registry", "list", "no-such-table"], "UsageError"),
    ):
        failed = mova(*arguments, "--json-events", cwd=tmp_path)
        error = from_line(failed.stdout)
        assert isinstance(error, Error) and (error.kind, error.exit_code) == (kind, failed.returncode)


def test_an_unexpected_error_is_an_event_too():
    script = (
        "import sys; sys.argv = ['mova', 'boom', '--json-events']\n"
        "import mova_core.cli.main as main\n"
        "def boom() -> None:\n    1 / 0\n"
        "entries = [type('Entry', (), {'name': name, 'load': lambda self: boom})() for name in ('boom', 'other')]\n"
        "main.entry_points = lambda group: entries\n"
        "main.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    error = from_line(done.stdout.strip())
    assert isinstance(error, Error) and error.kind == "ZeroDivisionError" and done.returncode == 1
