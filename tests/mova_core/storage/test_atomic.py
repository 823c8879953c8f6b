"""A file is whole or absent, and a dead run's leavings are never taken for a result."""

import hashlib
import os

import pytest

from mova_core.errors import UsageError
from mova_core.storage.atomic import atomic_path, clear_temporary, make_folder, sha256_file, write_text


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
    (tmp_path / ".tmp-folder").mkdir()
    (tmp_path / "kept.tar").write_text("whole")
    clear_temporary(tmp_path)
    assert os.listdir(tmp_path) == ["kept.tar"]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made into a folder"):
        make_folder(tmp_path / "file" / "below")


def test_sha256_is_of_the_bytes(tmp_path):
    (tmp_path / "bytes").write_bytes(b"mova" * 100_000)
    assert sha256_file(tmp_path / "bytes") == hashlib.sha256(b"mova" * 100_000).hexdigest()
