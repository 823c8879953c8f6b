import json
import os

import pytest

from mova_core.curation.ingest.footage import Footage
from mova_core.curation.ingest.lock import lock_footage
from mova_core.curation.ingest.sidecars import read_sidecar
from mova_core.errors import MediaError, UsageError


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "footage"
    (root / "b").mkdir(parents=True)
    (root / ".cache").mkdir()
    for name in ("b/z.mp4", "b/a.mp4", "c.mp4", "c.mp4.json", "alone.json", ".gitignore", ".cache/x.mp4"):
        (root / name).write_bytes(b"{}")
    return root


def paths(footage):
    return [entry.path for entry in footage.entries]


def test_files_come_sorted_without_hidden_ones_and_sidecars(folder):
    assert paths(Footage.open(folder)) == ["alone.json", "b/a.mp4", "b/z.mp4", "c.mp4"]


def test_a_folder_that_is_missing_or_empty_is_wrong_use(tmp_path):
    with pytest.raises(UsageError, match="missing"):
        Footage.open(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/.gitkeep").touch()
    with pytest.raises(UsageError, match="empty"):
        Footage.open(tmp_path / "empty")


def test_links_may_lead_inside_only(folder, tmp_path):
    (tmp_path / "secret.mp4").write_bytes(b"x")
    (folder / "out.mp4").symlink_to(tmp_path / "secret.mp4")
    (folder / "in.mp4").symlink_to(folder / "c.mp4")
    (folder / "broken.mp4").symlink_to("nowhere")
    (folder / "folder").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.mp4")
    problems = {entry.path: entry.problem and entry.problem[0] for entry in Footage.open(folder).entries}
    assert problems["out.mp4"] == problems["folder"] == "outside_root"
    assert problems["broken.mp4"] == "unreadable"
    assert problems["pipe.mp4"] == "not_a_file"
    assert problems["in.mp4"] is None
    assert not any(path.startswith("folder/") for path in problems)


def test_a_name_in_another_encoding_is_listed_readably(folder):
    with open(os.fsencode(folder) + b"/caf\xe9.mp4", "wb") as file:
        file.write(b"x")
    entry = next(entry for entry in Footage.open(folder).entries if entry.path.startswith("caf"))
    assert entry.path == r"caf\xe9.mp4"
    assert entry.problem[0] == "name_not_utf8"


@pytest.mark.parametrize("path", ["../secret.mp4", "/etc/passwd", "b/../../secret.mp4", "out.mp4"])
def test_no_path_leaves_the_root(folder, tmp_path, path):
    (folder / "out.mp4").symlink_to(tmp_path / "secret.mp4")
    footage = Footage.open(folder)
    assert footage.path_of("b/a.mp4").read_bytes() == b"{}"
    with pytest.raises(MediaError) as error:
        footage.path_of(path)
    assert error.value.code == "outside_root"


def test_a_lock_names_the_same_files_and_is_the_same_bytes_again(folder, tmp_path):
    lock = tmp_path / "data/sources.lock"
    assert lock_footage(str(folder), lock).files == 5
    before = lock.read_bytes()
    lock_footage(str(folder), lock)
    assert lock.read_bytes() == before
    footage = Footage.open(lock)
    assert footage.locked and footage.store.address == str(folder)
    assert paths(footage) == paths(Footage.open(folder))
    entries = {entry.path: entry for entry in footage.entries}
    assert entries["c.mp4"].sidecar_sha256 and not entries["b/a.mp4"].sidecar_sha256


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"root": "/", "files": [{}]}', '{"root": 3, "files": []}'])
def test_what_is_no_lock_is_wrong_use(tmp_path, content):
    lock = tmp_path / "sources.lock"
    lock.write_text(content)
    with pytest.raises(UsageError, match="mova ingest --lock"):
        Footage.open(lock)


def test_a_lock_of_a_folder_that_is_gone_is_wrong_use(folder, tmp_path):
    lock_footage(str(folder), tmp_path / "sources.lock")
    folder.rename(tmp_path / "moved")
    with pytest.raises(UsageError, match="missing"):
        Footage.open(tmp_path / "sources.lock")


def test_only_a_whole_folder_can_be_locked(folder, tmp_path):
    (folder / "out.mp4").symlink_to(tmp_path)
    with pytest.raises(UsageError, match=r"out\.mp4"):
        lock_footage(str(folder), tmp_path / "sources.lock")
    with pytest.raises(UsageError, match="not a folder"):
        lock_footage(str(tmp_path / "absent"), tmp_path / "sources.lock")


def test_a_sidecar_is_read_and_a_missing_one_says_nothing(folder):
    said = {"rights": "CC0-1.0", "consent": None, "scenes": [{"start_s": 0, "end_s": 2.5, "class": "red-ball"}]}
    (folder / "c.mp4.json").write_text(json.dumps(said))
    assert Footage.open(folder).sidecar("c.mp4") == said
    assert Footage.open(folder).sidecar("b/a.mp4") == {}
    assert read_sidecar(folder / ("x" * 258)) == {}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"rights": 3}',
        '{"scenes": 1}',
        '{"scenes": [{"start_s": 0}]}',
        '{"scenes": [{"start_s": NaN, "end_s": 1}]}',
        '"' + "x" * (1 << 20) + '"',
    ],
)
def test_a_broken_sidecar_is_a_reason(folder, content):
    (folder / "c.mp4.json").write_text(content)
    with pytest.raises(MediaError) as error:
        Footage.open(folder).sidecar("c.mp4")
    assert error.value.code == "bad_sidecar"
