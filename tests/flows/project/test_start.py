"""A project of one's own: what it starts with, and that a second start changes nothing."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from flows.project.start import CARRIED, CODE_IS_OUTSIDE, carried_text, start_project
from mova_core.cli.main import build_app
from mova_core.errors import UsageError
from mova_core.params import load_params
from mova_core.params.write import params_text

ROOT = Path(__file__).parents[3]
STATES = ("params.yaml", "data/takedowns.json")  # what is a project's own
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # between two libraries of DVC's own


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_folder_becomes_a_project_and_a_second_start_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "project"
    started = start_project(folder)
    assert set(started.written) == {*CARRIED, *STATES, ".dvc/", ".git/"} and started.differing == ()
    assert load_params(folder / "params.yaml").preset == "nano"
    assert (folder / ".dvc/config").read_text() == (ROOT / ".dvc/config").read_text()
    before = listing(folder)
    assert start_project(folder) == type(started)((), ())
    assert listing(folder) == before


def test_its_pipeline_is_the_repositorys_but_for_the_folders_of_code() -> None:
    own, ours = yaml.safe_load(carried_text("dvc.yaml")), yaml.safe_load((ROOT / "dvc.yaml").read_text())
    folders = ours["stages"]["code_versions"].pop("deps")
    assert all((ROOT / folder / "__init__.py").is_file() for folder in folders)
    assert own["stages"]["code_versions"].pop("always_changed") is True
    assert own == ours
    assert CODE_IS_OUTSIDE in carried_text("dvc.yaml")


def test_everything_of_the_repository_that_a_stage_depends_on_is_there(tmp_path: Path) -> None:
    start_project(tmp_path)
    stages = yaml.safe_load((tmp_path / "dvc.yaml").read_text())["stages"].values()
    deps = {dep for stage in stages for dep in stage.get("do", stage).get("deps", ()) if "${" not in dep}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [dep for dep in deps.intersection(listed.splitlines()) if not (tmp_path / dep).is_file()] == []


@pytest.mark.parametrize("name", ["params.yaml", "dvc.yaml", ".gitignore"])
def test_what_is_there_stays_and_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("# mine\n")
    started = start_project(tmp_path)
    assert (tmp_path / name).read_text() == "# mine\n"
    assert name not in started.written
    assert started.differing == (() if name == "params.yaml" else (name,))


def test_a_half_made_project_is_completed(tmp_path: Path) -> None:
    start_project(tmp_path)
    for name in ("dvc.yaml", ".dvc/config"):
        (tmp_path / name).unlink()
    assert start_project(tmp_path).written == ("dvc.yaml",)
    assert (tmp_path / ".dvc/config").read_text() == (ROOT / ".dvc/config").read_text()


def test_a_clone_is_a_project_already(tmp_path: Path) -> None:
    for name in (*CARRIED, ".dvc/config", ".dvc/.gitignore"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "params.yaml").write_text(params_text())
    (tmp_path / "data").mkdir()
    (tmp_path / "data/takedowns.json").write_text('{"a": []}')
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    before = listing(tmp_path)
    started = start_project(tmp_path)
    assert (started.written, started.differing) == ((), ())
    assert listing(tmp_path) == before


def test_a_folder_of_a_larger_repository_gets_no_git_of_its_own(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    start_project(tmp_path / "inside")
    assert (tmp_path / "inside/.dvc/config").is_file() and not (tmp_path / "inside/.git").exists()
    (tmp_path / ".gitignore").write_text("/hidden/\n")
    with pytest.raises(UsageError, match=r"DVC cannot be set up in .*hidden.*is ignored by your SCM tool"):
        start_project(tmp_path / "hidden")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(build_app(), ["init", str(tmp_path / "file"), "--json"])
    assert result.exit_code == 2
    assert "cannot be made into a folder" in json.loads(result.stdout)["error"]


def test_without_git_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(UsageError, match="git is not found"):
        start_project(tmp_path / "project")
    assert not (tmp_path / "project").exists()
