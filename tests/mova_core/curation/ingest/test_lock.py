"""A lock names what a folder, list or bucket held; a bucket's files come out of the cache, whole or with a reason."""

import json

import pytest

from mova_core.curation.engine.base import Engine
from mova_core.curation.ingest.footage import Footage
from mova_core.curation.ingest.lock import lock_footage
from mova_core.curation.ingest.stage import ingest
from mova_core.curation.tables import read_table
from mova_core.errors import UsageError
from mova_core.params import Params
from mova_core.places import DataFolder

FILES = {
    "a.txt": b"first",
    "a.txt.json": b'{"rights": "CC0-1.0"}',
    "b/$(touch pwned).txt": b"second",
    "c.txt": b"third",
}
BUCKET = "locked-footage"


@pytest.fixture
def bucket(objects):
    for name, data in FILES.items():
        objects.put(BUCKET, f"raw/{name}", data)
    return f"s3://{BUCKET}/raw"


def rows_of(lock, tmp_path):
    data = DataFolder(tmp_path / "data")
    summary = ingest(Params(), lock, data, Engine("local", 1), tmp_path / "result_cache")
    return summary, {row["path"]: row for row in read_table(data.table("sources"), "sources")}


def test_a_bucket_is_locked_read_and_locked_again_to_the_same_bytes(bucket, tmp_path):
    lock = tmp_path / "sources.lock"
    assert lock_footage(bucket, lock).files == len(FILES)
    before = lock.read_bytes()
    assert json.loads(before)["root"] == bucket
    assert b"127.0.0.1" not in before and b"secret" not in before and b"test-key" not in before
    footage = Footage.open(lock)
    assert [entry.path for entry in footage.entries] == ["a.txt", "b/$(touch pwned).txt", "c.txt"]
    assert all(footage.path_of(path).read_bytes() == data for path, data in FILES.items() if "json" not in path)
    assert footage.sidecar("a.txt") == {"rights": "CC0-1.0"} and footage.sidecar("c.txt") == {}
    lock_footage(bucket, lock)
    assert lock.read_bytes() == before


def test_ingest_of_a_locked_bucket_needs_no_server_once_it_is_in_the_cache(bucket, tmp_path, monkeypatch):
    lock_footage(bucket, tmp_path / "sources.lock")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    summary, rows = rows_of(tmp_path / "sources.lock", tmp_path)
    assert {row["reason_code"] for row in rows.values()} == {"not_media"} and summary["files"] == 3
    assert not list(tmp_path.rglob("pwned"))


def test_a_cache_that_was_emptied_is_filled_again_and_what_is_lost_or_changed_is_a_row(objects, bucket, tmp_path):
    lock_footage(bucket, tmp_path / "sources.lock")
    for path in (tmp_path / "cache/objects").rglob("*"):
        if path.is_file():
            path.unlink()
    objects.put(BUCKET, "raw/c.txt", b"other")
    objects.client.remove_object(BUCKET, "raw/b/$(touch pwned).txt")
    rows = rows_of(tmp_path / "sources.lock", tmp_path)[1]
    assert {path: row["reason_code"] for path, row in rows.items()} == {
        "a.txt": "not_media",
        "b/$(touch pwned).txt": "unreadable",
        "c.txt": "changed_since_locked",
    }


def test_a_damaged_copy_in_the_cache_is_told_apart_from_a_changed_object(bucket, tmp_path):
    lock_footage(bucket, tmp_path / "sources.lock")
    Footage.open(tmp_path / "sources.lock").path_of("c.txt").write_bytes(b"THIRD")
    assert rows_of(tmp_path / "sources.lock", tmp_path)[1]["c.txt"]["reason_code"] == "damaged_copy"


def test_hidden_objects_of_a_bucket_are_told_when_it_is_locked_and_read(bucket, objects, tmp_path):
    names = (".trash/x/1.mp4", ".trash/2.mp4", "b/.DS_Store")
    for name in names:
        objects.put(BUCKET, f"raw/{name}", b"x")
    locked = lock_footage(bucket, tmp_path / "sources.lock")
    summary, rows = rows_of(tmp_path / "sources.lock", tmp_path)
    for name in names:
        objects.client.remove_object(BUCKET, f"raw/{name}")
    assert locked.hidden == (".trash", "b/.DS_Store") and locked.files == len(FILES)
    assert "2 hidden files or folders skipped: .trash, b/.DS_Store" in summary["text"] and len(rows) == 3


def test_a_prefix_that_is_not_there_is_one_sentence(bucket, tmp_path):
    with pytest.raises(UsageError, match=f"s3://{BUCKET}/absent is empty"):
        lock_footage(f"s3://{BUCKET}/absent", tmp_path / "sources.lock")
    assert not (tmp_path / "sources.lock").exists()


def test_a_lock_tells_what_differs_from_the_one_before(bucket, objects, tmp_path):
    lock = tmp_path / "sources.lock"
    objects.put(BUCKET, "raw/gone.txt", b"soon gone")
    assert not any(lock_footage(bucket, lock).differs.lists().values())
    objects.client.remove_object(BUCKET, "raw/gone.txt")
    objects.put(BUCKET, "raw/c.txt", b"other")
    objects.put(BUCKET, "raw/new.txt", b"new")
    differs = lock_footage(bucket, lock).differs
    assert (differs.added, differs.changed, differs.vanished) == (("new.txt",), ("c.txt",), ("gone.txt",))
    objects.client.remove_object(BUCKET, "raw/new.txt")


@pytest.fixture
def listed(tmp_path):
    root = tmp_path / "footage"
    (root / "b").mkdir(parents=True)
    for name in ("a.mp4", "a.mp4.json", "b/with space .mp4", "other.mp4", "#1.mp4"):
        (root / name).write_bytes(b"{}")
    (root / "list.txt").write_bytes("\ufeffb/with space .mp4\r\n\n./a.mp4\na.mp4\n#1.mp4\ngone.mp4\n".encode())
    return root / "list.txt"


def test_a_list_names_files_relative_to_its_own_folder(listed):
    footage = Footage.open(listed)
    assert [entry.path for entry in footage.entries] == ["#1.mp4", "a.mp4", "b/with space .mp4", "gone.mp4"]
    assert [entry.problem and entry.problem[0] for entry in footage.entries] == [None, None, None, "unreadable"]
    assert footage.path_of("a.mp4") == listed.parent / "a.mp4" and footage.sidecar("a.mp4") == {}


@pytest.mark.parametrize("line", ["../secret.mp4", "/etc/passwd", "b/../../x.mp4", "a\0b"])
def test_no_line_leads_out_of_the_lists_folder(listed, line):
    listed.write_text(f"a.mp4\n{line}\n")
    with pytest.raises(UsageError, match="line 2"):
        Footage.open(listed)


def test_a_link_in_a_list_leads_inside_only(listed, tmp_path):
    (tmp_path / "secret.mp4").write_bytes(b"x")
    (listed.parent / "out.mp4").symlink_to(tmp_path / "secret.mp4")
    listed.write_text("out.mp4\n")
    assert Footage.open(listed).entries[0].problem[0] == "outside_root"


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe\x00"])
def test_what_is_no_list_is_wrong_use(listed, content):
    listed.write_bytes(content)
    with pytest.raises(UsageError, match="one path a line"):
        Footage.open(listed)


def test_a_list_can_be_locked_with_its_sidecars_and_nothing_else(listed, tmp_path):
    listed.write_text("a.mp4\nb/with space .mp4\n")
    lock = tmp_path / "sources.lock"
    assert lock_footage(str(listed), lock).files == 3
    assert [file["path"] for file in json.loads(lock.read_text())["files"]] == [
        "a.mp4",
        "a.mp4.json",
        "b/with space .mp4",
    ]
    assert [entry.path for entry in Footage.open(lock).entries] == ["a.mp4", "b/with space .mp4"]
