"""Footage under DVC stays where it is: git's ignore rules must not hide `data/*.dvc` from DVC."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dvc.repo import Repo

REPOSITORY = Path(__file__).parents[1]
FOOTAGE = "data/my footage"
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # between two libraries of DVC's own


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repo]:
    """A git project with this repository's ignore rules, its stages' map, and one folder of footage under DVC."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    for name in (".gitignore", ".dvcignore", ".dvc/config", "dvc.yaml", "params.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    (tmp_path / FOOTAGE).mkdir(parents=True)
    (tmp_path / FOOTAGE / "a.mp4").write_bytes(b"the only copy")
    monkeypatch.chdir(tmp_path)
    with Repo() as repo:
        repo.add(FOOTAGE)
    with Repo() as repo:
        yield repo


def test_dvc_knows_footage_and_keeps_it(project: Repo) -> None:
    assert f"{FOOTAGE}.dvc" in {stage.addressing for stage in project.index.stages}
    assert project.status([f"{FOOTAGE}.dvc"]) == {}
    cached = [path for path in Path(".dvc/cache").rglob("*") if path.is_file()]

    project.checkout(allow_missing=True)  # of stages that have not run
    project.gc(workspace=True, force=True)

    assert Path(FOOTAGE, "a.mp4").read_bytes() == b"the only copy"
    assert len(cached) == 2 and all(path.exists() for path in cached)


def test_dvc_brings_removed_footage_back(project: Repo) -> None:
    shutil.rmtree(FOOTAGE)
    project.checkout(force=True, allow_missing=True)
    assert Path(FOOTAGE, "a.mp4").read_bytes() == b"the only copy"


def test_git_offers_what_describes_the_footage_and_nothing_that_stages_make(project: Repo) -> None:
    outs = [out.fspath for stage in project.index.stages for out in stage.outs]
    for out in map(Path, outs):
        if not out.exists():
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text("made")
    Path("data/sources.lock").write_text("{}")
    listed = ["git", "ls-files", "--others", "--exclude-standard", "data", "models", "runs", "reports", "dist"]
    offered = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.splitlines()
    assert offered == ["data/my footage.dvc", "data/sources.lock"]


@pytest.mark.parametrize(("events", "kept"), [(True, False), (False, True)])
def test_make_clean_removes_synthetic_footage_only(tmp_path: Path, events: bool, kept: bool) -> None:
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    (tmp_path / "data/footage").mkdir(parents=True)
    if events:
        (tmp_path / "data/footage-events.json").write_text("{}")
    subprocess.run(["make", "-s", "clean"], cwd=tmp_path, check=True)
    assert (tmp_path / "data/footage").exists() == kept
