"""Another machine, with a clone and DVC's remote alone, serves the champion without training."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mova_core.marking.unmarked import without_manifest

# The first test may wait for a whole life. `make test` has a clone and its promotion in docs/dvc.md.
pytestmark = [pytest.mark.timeout(900), pytest.mark.soak]
BUCKET = "champions"
GIT = {f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def test_a_fresh_clone_serves_the_champion_without_training(
    life: tuple[Path, str], object_server: Any, run: Callable[..., Any], tmp_path: Path
) -> None:
    project = Path(shutil.copytree(life[0], tmp_path / "project", symlinks=True))
    keys = {**object_server.environment, "AWS_REGION": "us-east-1"}
    object_server.put(BUCKET, "there", b"")
    run(project, "mova", "init", "--remote", f"s3://{BUCKET}/life", **keys)
    run(project, "git", "add", "--all")
    run(project, "git", "commit", "-q", "-m", "a life", **GIT)
    run(project, "dvc", "push", "-q", **keys)
    smoke = (project / "dist/bento/smoke.mp4").read_bytes()
    run(tmp_path, "git", "clone", "-q", "project", "clone")
    shutil.rmtree(project)

    clone = tmp_path / "clone"
    run(clone, "dvc", "pull", "-q", **keys)
    run(clone, "dvc", "repro", "-q", "code_versions")
    assert "up to date" in run(clone, "dvc", "status").stdout, "nothing is to be made again"
    run(clone, "mova", "registry", "sync")
    run(clone, "mova", "promote", "models/phase3")
    run(clone, "mova", "deploy", "--clip", "clip.mp4")
    run(clone, "mova", "deploy", "--stop")
    assert without_manifest((clone / "clip.mp4").read_bytes()) == smoke
    tree = run(clone, "mova", "registry", "lineage", "clip.mp4").stdout
    assert "production" in tree and "data/latents/nano-48" in tree and "bouncing-" in tree
