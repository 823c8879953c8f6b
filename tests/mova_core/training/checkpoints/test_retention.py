"""A run of other inputs, params or code is put aside with its checkpoints, and comes back when they do."""

import pytest

from mova_core.training.checkpoints.checkpoint import finished
from mova_core.training.checkpoints.retention import kept_runs, make_way


@pytest.fixture
def run(tmp_path, towers, save_checkpoint):
    """Function that saves a checkpoint of a run under a fingerprint; the run's folder."""
    folder = tmp_path / "runs/audio"

    def write(fingerprint: str, step: int):
        save_checkpoint(folder / "checkpoints", step, towers, fingerprint)
        return folder

    return write


def test_nothing_is_moved_where_nothing_is_or_the_run_goes_on(run, tmp_path):
    assert make_way(tmp_path / "runs/audio", "a" * 64) is None
    folder = run("a" * 64, step=2)
    assert make_way(folder, "a" * 64) is None
    assert [each.step for each in finished(folder / "checkpoints")] == [2]


def test_a_changed_run_is_put_aside_and_comes_back(run):
    folder = run("a" * 64, step=2)
    before = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    aside = make_way(folder, "b" * 64)
    assert aside == folder.parent / "kept" / f"audio-{'a' * 16}" and not folder.exists()
    assert {path.relative_to(aside): path.read_bytes() for path in aside.rglob("*") if path.is_file()} == before
    assert kept_runs(folder) == [aside]

    run("b" * 64, step=4)
    assert make_way(folder, "a" * 64) == folder.parent / "kept" / f"audio-{'b' * 16}"
    assert {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert [path.name for path in kept_runs(folder)] == [f"audio-{'b' * 16}"]


def test_the_newest_and_the_best_stay(tmp_path, towers, save_checkpoint):
    for step, loss in enumerate([3.0, 1.0, None, 1.0, 2.0, 2.5]):
        save_checkpoint(tmp_path, step, towers, validation_loss=loss, keep=2)
    assert [checkpoint.step for checkpoint in finished(tmp_path)] == [1, 4, 5]


def test_a_run_that_another_version_wrote_is_put_aside(run):
    folder = run("a" * 64, step=2)
    path = folder / "checkpoints/step-000002/manifest.json"
    path.write_text('{"schema": "checkpoint/1", "step": 2, "fingerprint": "%s", "files": {}}' % ("c" * 64))
    assert make_way(folder, "b" * 64) == folder.parent / "kept" / f"audio-{'c' * 16}"
