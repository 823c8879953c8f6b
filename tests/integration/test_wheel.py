"""A project of one's own, from the wheel alone: everything that the stages need travels in it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo

from mova_core.curation.tables import read_table
from mova_core.marking.unmarked import without_manifest
from mova_core.places import BENTO, UNPUSHED, DataFolder
from mova_core.storage.code_version import all_versions

ROOT = Path(__file__).parents[2]
PACKAGES = ("mova_core", "data_contracts", "flows", "services")
FIRST = ("ingest", "contract@sources", "segment")
KNOWN_TO_NOBODY_ELSE = (".mova", ".dvc", ".git", "dvc.lock")
"""What every run of a stage may write beside its outs: caches and notes of its own, and DVC's."""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run_installed(installed_wheel: Path, run: Run) -> Run:
    """Function that runs a command where nothing of this project but the wheel can be imported."""

    def run_it(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{installed_wheel / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return run(folder, *command, **{"PYTHONPATH": str(installed_wheel), "PATH": path, **environment})

    return run_it


@pytest.fixture(scope="module")
def own_project(tmp_path_factory: pytest.TempPathFactory, synthetic_footage: Path, run_installed: Run) -> Path:
    """A project that `mova init` made, with two files of footage."""
    folder = tmp_path_factory.mktemp("own") / "project"
    run_installed(folder.parent, "mova", "init", "project")
    footage = folder / "data/footage"
    footage.mkdir(parents=True)
    for path in sorted(synthetic_footage.glob("bouncing-*.mp4"))[:2]:
        footage.joinpath(path.name).write_bytes(path.read_bytes())
    run_installed(folder, "dvc", "add", "-q", "data/footage")
    return folder


def test_the_wheel_holds_every_file_of_the_packages(installed_wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *PACKAGES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    assert len(files) > 400
    assert [name for name in files if not (installed_wheel / name).is_file()] == []


def test_its_code_has_the_same_numbers_as_the_repositorys(tmp_path: Path, run_installed: Run) -> None:
    run_installed(tmp_path, "python", "-m", "mova_core.storage.code_version", "versions.json")
    assert json.loads((tmp_path / "versions.json").read_text()) == all_versions()


def test_first_stages_run_and_write_nothing_but_their_outs(own_project: Path, run_installed: Run) -> None:
    with Repo(str(own_project)) as repo:
        outs = {
            stage.name: tuple(out.def_path for out in stage.outs)
            for stage in repo.index.stages
            if hasattr(stage, "name")
        }
    run_installed(own_project, "dvc", "repro", "-q", "code_versions")
    for name in FIRST:
        before = states(own_project)
        run_installed(own_project, "dvc", "repro", "-q", "--single-item", name)
        after = states(own_project)
        written = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        assert written and [path for path in written if not path.startswith(outs[name])] == [], name
    rows = read_table(DataFolder(own_project / "data").table("windows"), "windows")
    assert {row["source_id"] for row in rows}
    again = run_installed(own_project, "dvc", "repro", "segment").stdout
    assert all(f"Stage '{name}' didn't change, skipping" in again for name in FIRST)


def states(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What tells that a file was written, by path; of all that only one stage may write."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name.partition("/")[0] not in KNOWN_TO_NOBODY_ELSE:
            state = path.stat()
            found[name] = (state.st_ino, state.st_size, state.st_mtime_ns)
    return found


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_whole_life_from_the_wheel_goes_on_in_a_clone_from_its_remote(
    tmp_path: Path, run_installed: Run, object_server: Any, small_life: Callable[[Path], None]
) -> None:
    object_server.put("whole-life", "there", b"")
    git = {f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**object_server.environment, **git, "AWS_REGION": "us-east-1", "PREFECT_HOME": str(tmp_path)}
    project, clone = tmp_path / "project", tmp_path / "clone"
    run_installed(tmp_path, "mova", "init", "project", "--remote", "s3://whole-life/project", **environment)
    small_life(project)
    first = run_installed(project, "python", "-m", "flows.lifecycle", "--clips", "24", **environment).stdout
    assert "answered one request, byte for byte as packaged" in first
    assert json.loads((project / UNPUSHED).read_text()) == []
    run_installed(project, "git", "add", "--all")
    run_installed(project, "git", "commit", "-q", "-m", "a life", **environment)

    run_installed(tmp_path, "git", "clone", "-q", "project", "clone")
    command = ("python", "-m", "flows.lifecycle", "--footage", "as in params.yaml")
    second = run_installed(clone, *command, **environment).stdout
    trained = [line for line in second.splitlines() if "train@" in line]
    assert len(trained) == 4 and all("unchanged" in line for line in trained)
    assert (
        without_manifest((clone / "demo/a-red-ball-bounces.mp4").read_bytes())
        == (project / BENTO / "smoke.mp4").read_bytes()
    )
