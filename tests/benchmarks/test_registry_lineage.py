"""The registry that lineage is measured on holds what it says, and each read finds it."""

from pathlib import Path

import pytest

from benchmarks.registry.lineage import PHASE, Size, _checkpoint, _clip, _id, fill
from mova_core.registry.database.connection import open_database, reading
from mova_core.registry.lineage.forward import forward
from mova_core.registry.lineage.lineage import lineage


@pytest.mark.parametrize(("file", "reached"), [(0, 8), (5, 4)])
def test_a_file_reaches_the_runs_of_the_versions_that_have_it(tmp_path: Path, file: int, reached: int) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/registry.db")
    fill(engine, Size(files=6, clips=3, versions=2, runs=8))
    with reading(engine) as session:
        found = forward(session, [_id(file)], tmp_path)
        assert (len(found.runs), len(found.checkpoints), len(found.clips)) == (reached, 2 * reached, 3)
        assert [alias.name for alias in found.aliases] == ["production"]
        clip = lineage(session, _clip(file, 1), tmp_path)
        assert (clip.came_from[0].sha256, clip.note) == (_id(file), f"train split, for {PHASE}")
        (run,) = lineage(session, _checkpoint(7), tmp_path).came_from
        assert (run.came_from[0].files, run.came_from[0].clips) == (6, 18)
    engine.dispose()
