"""A folder is whole or not there."""

import pytest

from mova_core.errors import UsageError
from mova_core.storage.atomic_folder import atomic_folder


def test_a_finished_folder_is_there_and_nothing_else(tmp_path):
    with atomic_folder(tmp_path / "deep" / "out") as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_text("x")
        assert not (tmp_path / "deep" / "out").exists()
    assert (tmp_path / "deep" / "out" / "sub" / "file").read_text() == "x"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


@pytest.mark.parametrize("replace", [True, False])
def test_a_failure_leaves_what_was_there(tmp_path, replace):
    (tmp_path / "out").mkdir()
    if replace:
        (tmp_path / "out" / "old").write_text("x")
    with pytest.raises(ValueError, match="no"), atomic_folder(tmp_path / "out", replace=replace) as folder:
        (folder / "new").write_text("y")
        raise ValueError("no")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "old").exists() is replace


def test_only_an_empty_place_is_taken_unless_asked(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="not empty"), atomic_folder(tmp_path / "out"):
        pass
    with pytest.raises(UsageError, match="is a file"), atomic_folder(tmp_path / "file", replace=True):
        pass
    with atomic_folder(tmp_path / "out", replace=True) as folder:
        (folder / "new").write_text("y")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]
