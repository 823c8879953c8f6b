"""`mova contract verdicts --against DIR`: drift is a warning with its numbers, and the pipeline's own result stays."""

import json

import pytest
from typer.testing import CliRunner

from mova_core.cli.main import build_app
from mova_core.places import DataFolder


@pytest.fixture
def call(world_of, data, tmp_path):
    """Call `mova contract` on a folder whose clips are as loud as said, against one of -23 LUFS."""
    (tmp_path / "params.yaml").write_text("preset: nano\n", encoding="utf-8")

    def run(lufs: float, table: str = "verdicts", against: str = "previous"):
        world_of(20).write(DataFolder(tmp_path / "previous"))
        present = world_of(20)
        for row in present.rows["verdicts"]:
            row["lufs"] = lufs
        present.write(data)
        places = ("--data", str(data.root), "--params", str(tmp_path / "params.yaml"), "--out", str(tmp_path / "out"))
        arguments = ["contract", table, "--json", "--against", str(tmp_path / against), *places]
        return CliRunner().invoke(build_app(), arguments)

    return run


def test_drift_is_a_warning(call, tmp_path):
    result = call(-30.0)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["warnings"] == ["lufs is distributed as in the version before"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "docs",
        "verdicts-drift.html",
        "verdicts-drift.json",
    ]
    written = json.loads((tmp_path / "out" / "verdicts-drift.json").read_bytes())
    (told,) = [each for each in written["expectations"] if not each["success"]]
    assert told["first"][0]["value"].startswith("D 1.000, p ")
    assert {"verdicts", "against/verdicts", "against/sources"} <= set(written["files"])


def test_the_same_distributions_hold(call):
    assert json.loads(call(-23.0).stdout)["verdict"] == "ok"


@pytest.mark.parametrize(("table", "against"), [("windows", "previous"), ("verdicts", "nowhere")])
def test_wrong_use_is_refused(call, table, against):
    result = call(-23.0, table, against)
    assert result.exit_code == 2 and "--against" in json.loads(result.stdout)["error"]
