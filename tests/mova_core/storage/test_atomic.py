"""A file is whole or absent, and a dead run's leavings are never taken for a result."""

import hashlib
import os
import resource

import numpy as np
import pytest
import safetensors.numpy

from mova_core.errors import DiskFull, UsageError
from mova_core.storage.atomic import atomic_path, clear_temporary, make_folder, write_bytes, write_text
from mova_core.storage.hashing import sha256_file


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "table.parquet"
    write_text(target, "old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError("killed")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["table.parquet"]


def test_a_name_of_255_bytes_can_be_written(tmp_path):
    target = tmp_path / ("n" * 251 + ".txt")
    write_text(target, "whole")
    assert target.read_text() == "whole"


def test_leavings_are_cleared(tmp_path):
    (tmp_path / ".tmp-abc.tar").write_text("half")
    (tmp_path / ".tmpUV2ioY").write_text("half")  # as safetensors names its own
    (tmp_path / ".tmp-folder").mkdir()
    (tmp_path / "kept.tar").write_text("whole")
    clear_temporary(tmp_path)
    assert os.listdir(tmp_path) == ["kept.tar"]


def test_leavings_of_one_file_are_known_by_its_name(tmp_path):
    leavings = []
    for name in ("a.parquet", "b.parquet"):
        with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / name) as temporary:
            leavings.append(temporary)
            raise KeyboardInterrupt
    for path in leavings:  # as where the process was killed before it could clear up
        path.write_text("half")
    clear_temporary(tmp_path, "a.parquet")
    assert [path.exists() for path in leavings] == [False, True]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made into a folder"):
        make_folder(tmp_path / "file" / "below")


def test_sha256_is_of_the_bytes(tmp_path):
    (tmp_path / "bytes").write_bytes(b"mova" * 100_000)
    assert sha256_file(tmp_path / "bytes") == hashlib.sha256(b"mova" * 100_000).hexdigest()


@pytest.fixture
def no_room_for_1000_bytes():
    """As where a quota is used up: this process may write no larger file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_no_room_is_one_sentence_whoever_writes_and_the_old_file_stays(tmp_path, no_room_for_1000_bytes):
    target = tmp_path / "latents.safetensors"
    write_text(target, "old")
    with pytest.raises(
        DiskFull, match=f"^{tmp_path} has no room for latents.safetensors .*make room there and run again"
    ):
        write_bytes(target, bytes(2000))
    with pytest.raises(DiskFull, match="has no room"), atomic_path(target) as temporary:
        safetensors.numpy.save_file({"video": np.zeros(2000)}, temporary)
    assert target.read_text() == "old" and os.listdir(tmp_path) == [target.name]
