"""The benchmark of the flows' no-op in its smallest form: both sides find nothing to do in what was made."""

import sys
from pathlib import Path

import pytest

from benchmarks import orchestration


def test_both_sides_find_nothing_to_do_and_see_a_lost_shard(tmp_path: Path) -> None:
    project = orchestration.made_project(tmp_path, shards=3)
    assert len(list((project / "data/latents").iterdir())) == 3
    orchestration.run(project, sys.executable, "-c", orchestration.PLAN)
    orchestration.run(project, "dvc", "status", "--quiet")
    (project / "data/latents/00001.safetensors").unlink()
    with pytest.raises(AssertionError):
        orchestration.run(project, sys.executable, "-c", orchestration.PLAN)
    with pytest.raises(AssertionError):
        orchestration.run(project, "dvc", "status", "--quiet")
