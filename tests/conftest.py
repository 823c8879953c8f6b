"""Fixtures that many tests share: real media where present, and a little made footage."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[1]
SHARED = REPOSITORY.parent / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", type=Path, default=SHARED / "golden", help="folder of golden tensors (index.json)")


@pytest.fixture(scope="session")
def media() -> Path:
    """Folder of real and hostile footage; tests that need it are skipped where it is absent."""
    folder = SHARED / "media"
    if not folder.is_dir():
        pytest.skip("the test footage (../shared/media) is not beside this clone")
    return folder


@pytest.fixture(scope="session")
def manifest(media: Path) -> dict[str, dict[str, Any]]:
    """Ground truth of that footage by path."""
    entries = json.loads((media / "MANIFEST.json").read_text(encoding="utf-8"))["files"]
    return {entry["path"]: entry for entry in entries}


@pytest.fixture(scope="session")
def made_footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small folder of made footage, the broken files included."""
    from mova_core.media.made_footage import make_footage

    folder = tmp_path_factory.mktemp("made") / "footage"
    make_footage(folder, clips=24, seed=7)
    return folder


def copy_project(folder: Path) -> Path:
    """A working copy of this repository with a git and a DVC of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file() and not name.startswith("tests/"):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, target)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def run_in(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the environment in a project folder; its output is in the failure message."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # A server that the flows' tests started is theirs: a project has a history of its own.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    variables |= {"PATH": path, **environment}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done


@pytest.fixture(scope="session")
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`run_in`, for tests."""
    return run_in


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory, made_footage: Path) -> Callable[[str], Path]:
    """Function that makes a project with a little made footage under DVC and nothing else run."""

    def new_project(name: str) -> Path:
        folder = copy_project(tmp_path_factory.mktemp(name))
        shutil.copytree(made_footage, folder / "data/footage", dirs_exist_ok=True)
        # A codec for a few dozen clips: the sample of the real params would be all of them.
        params = folder / "params.yaml"
        params.write_text(params.read_text().replace("clips: 384", "clips: 16"))
        run_in(folder, "dvc", "add", "-q", "data/footage")
        return folder

    return new_project


@pytest.fixture(scope="session")
def finished_project(projects: Callable[[str], Path]) -> Path:
    """A project whose whole line was run once by `dvc repro` alone. Tests only read it."""
    folder = projects("finished")
    run_in(folder, "dvc", "repro", "-q")
    return folder
