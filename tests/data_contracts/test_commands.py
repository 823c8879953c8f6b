"""`mova contract` as it is called: exit codes, what is printed, and what it costs to merely list it."""

import json
import os
import socket
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from mova_core.cli.main import build_app

runner = CliRunner()


@pytest.fixture
def call(world, data, tmp_path):
    """Call `mova contract` on the written world."""
    (tmp_path / "params.yaml").write_text("preset: nano\n", encoding="utf-8")
    app = build_app()

    def run(*arguments):
        world.write(data)
        places = ("--data", str(data.root), "--params", str(tmp_path / "params.yaml"), "--out", str(tmp_path / "out"))
        return runner.invoke(app, ["contract", *arguments, *places])

    return run


def test_a_contract_that_holds_exits_0(call, tmp_path):
    result = call("windows", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "table": "windows",
        "verdict": "ok",
        "rows": 4,
        "expectations": len(json.loads((tmp_path / "out" / "windows.json").read_bytes())["expectations"]),
        "warnings": [],
    }


def test_a_warning_exits_0_and_is_told(call, world):
    world.rows["sources"][0]["rights"] = None
    result = call("sources")
    assert result.exit_code == 0
    assert "1 warning:" in result.stdout and "got null in 1 of 3 rows" in result.stdout


def test_a_broken_contract_exits_3_and_leaves_its_json(call, world, tmp_path):
    world.rows["captions"][0]["merged"] = None
    result = call("captions", "--rows")
    assert result.exit_code == 3
    assert "contract captions broken (critical), 1 of" in result.stderr
    assert world.rows["captions"][0]["clip_id"] in result.stderr
    assert json.loads((tmp_path / "out" / "captions.json").read_bytes())["verdict"] == "broken"


def test_a_missing_table_exits_2_with_one_sentence(call, world):
    del world.rows["verdicts"]
    result = call("verdicts")
    assert result.exit_code == 2
    assert "verdicts.parquet is missing" in result.stderr and len(result.stderr.splitlines()) == 1


def test_listing_commands_does_not_import_great_expectations():
    code = "import data_contracts.commands, sys; sys.exit(bool({'great_expectations', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_is_sent_anywhere(call, monkeypatch):
    connections = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: connections.append(address))
    assert call("windows").exit_code == 0
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"
    assert connections == []
