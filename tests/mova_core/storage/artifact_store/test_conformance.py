"""What every artifact store does, on a folder and on a real S3 server."""

import hashlib
import json
import urllib.request
from datetime import timedelta

import pytest

from mova_core.errors import StaleError, UsageError
from mova_core.storage.artifact_store import digests
from mova_core.storage.artifact_store.listed import listed_files

from .conftest import manifest_of


def test_a_blob_comes_back_byte_for_byte_and_is_listed(store, write, tmp_path):
    for data in (b"", b"one", bytes(range(256)) * 5000):
        path, sha256 = write(data)
        assert not store.has_blob(sha256)
        store.put_blob(path, sha256)
        assert store.has_blob(sha256)
        store.get_blob(sha256, tmp_path / "deep/er/copy")
        assert (tmp_path / "deep/er/copy").read_bytes() == data
    listed = list(store.blobs())
    assert [one.sha256 for one in listed] == sorted(one.sha256 for one in listed) and len(listed) == 3
    assert sorted(one.bytes for one in listed) == [0, 3, 1_280_000]
    assert all(abs(one.modified_at - path.stat().st_mtime) < 3600 for one in listed)


def test_a_large_file_goes_in_parts(store, write, tmp_path, monkeypatch):
    monkeypatch.setattr(digests, "PART_BYTES", 5 << 20)  # the smallest that S3 knows
    path, sha256 = write(hashlib.shake_256(b"seed").digest((12 << 20) + 1))
    store.put_blob(path, sha256)
    store.put_blob(path, sha256)
    store.get_blob(sha256, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == path.read_bytes()


def test_a_file_of_other_bytes_is_refused_and_nothing_is_kept(store, write):
    path, sha256 = write(b"right")
    path.write_bytes(b"wrong")
    with pytest.raises(StaleError, match=r"file-0 has sha256 \w{12}, expected \w{12}: it was altered"):
        store.put_blob(path, sha256)
    assert not store.has_blob(sha256) and list(store.blobs()) == []
    path.write_bytes(b"right")
    store.put_blob(path, sha256)
    path.write_bytes(b"wrong")
    with pytest.raises(StaleError, match="it was altered"):  # also where the right one is kept already
        store.put_blob(path, sha256)
    with pytest.raises(StaleError, match="is missing"):
        store.put_blob(path.with_name("nowhere"), sha256)


def test_the_kept_bytes_are_not_those_of_the_file_that_they_came_from(store, write, tmp_path):
    path, sha256 = write(b"content")
    store.put_blob(path, sha256)
    with path.open("r+b") as file:
        file.write(b"another")
    store.get_blob(sha256, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"content"


def test_a_flipped_byte_is_told_when_read_and_healed_when_put_again(behind, write, tmp_path):
    path, sha256 = write(b"content")
    behind.store.put_blob(path, sha256)
    behind.write_over(f"blobs/{sha256[:2]}/{sha256}", b"c0ntent")
    target = tmp_path / "copy"
    target.write_bytes(b"as before")
    with pytest.raises(StaleError, match="it was damaged"):
        behind.store.get_blob(sha256, target)
    assert target.read_bytes() == b"as before"
    behind.store.put_blob(path, sha256)
    behind.store.get_blob(sha256, target)
    assert target.read_bytes() == b"content"


def test_a_blob_that_is_not_there_is_told_and_writes_nothing(store, tmp_path):
    with pytest.raises(StaleError, match=r"blob 0{12} is not in"):
        store.get_blob("0" * 64, tmp_path / "copy")
    assert not any(tmp_path.glob("*copy*"))


def test_what_was_left_behind_by_a_killed_upload_is_no_blob(behind, write, tmp_path):
    path, sha256 = write(b"content")
    behind.write_over(f"blobs/{sha256[:2]}/.tmp-0123", b"con")
    behind.write_over(f"blobs/{sha256[:2]}/{sha256}", b"con")  # as a server without whole writes leaves it
    with pytest.raises(StaleError, match="has 3 bytes there, the manifest lists 7"):
        behind.store.put_manifest("models", "one", manifest_of(x=b"content"))
    behind.store.put_blob(path, sha256)
    behind.store.put_manifest("models", "one", manifest_of(x=b"content"))
    assert [blob.bytes for blob in behind.store.blobs()] == [7]


def test_a_manifest_is_put_last_and_never_changes(store, write):
    one, other = manifest_of(x=b"content"), manifest_of(**{"folder/x": b"content"})
    with pytest.raises(StaleError, match=r"lists x, whose blob \w{12} is not in the store: put it first"):
        store.put_manifest("models", "one", one)
    assert store.get_manifest("models", "one") is None
    store.put_blob(*write(b"content"))
    store.put_manifest("models", "one", one)
    store.put_manifest("models", "one", one)
    with pytest.raises(StaleError, match="other content: a manifest never changes"):
        store.put_manifest("models", "one", other)
    store.put_manifest("models", "a-second", other)
    store.put_manifest("packages", "one", other)
    assert store.get_manifest("models", "one") == one and store.get_manifest("packages", "one") == other
    assert list(store.manifests("models")) == ["a-second", "one"] and list(store.manifests("checkpoints")) == []
    manifests = [store.get_manifest(kind, name) for kind in store.kinds() for name in store.manifests(kind)]
    listed = {entry.sha256 for content in manifests for entry in listed_files(content, "one").values()}
    assert store.kinds() == ["models", "packages"] and listed == {hashlib.sha256(b"content").hexdigest()}


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"files": {"../x": {"bytes": 1, "sha256": "%s"}}}' % (b"0" * 64), b"{}", b"\xff"]
)
def test_what_is_no_manifest_is_refused(store, content):
    with pytest.raises(StaleError, match="is no manifest of files"):
        store.put_manifest("models", "one", content)


@pytest.mark.parametrize("name", ["..", "../x", "a/b", ".hidden", "", "x\0", "/etc/passwd", "-rf", "a" * 300])
def test_names_are_data_and_lead_nowhere(store, name):
    with pytest.raises(UsageError, match="expected"):
        store.has_blob(name)
    with pytest.raises(UsageError, match="expected letters"):
        store.get_manifest(name, "one")
    if name:
        with pytest.raises(UsageError, match="expected letters"):
            store.put_manifest("models", name, json.dumps({"files": {}}).encode())


def test_what_was_removed_is_gone_and_may_be_removed_again(store, write):
    path, sha256 = write(b"content")
    store.put_blob(path, sha256)
    store.put_manifest("models", "one", manifest_of(x=b"content"))
    for _ in range(2):
        store.remove_manifest("models", "one")
        store.remove_blob(sha256)
    assert not store.has_blob(sha256) and list(store.blobs()) == [] and list(store.manifests("models")) == []


def test_a_bucket_lends_a_blob_by_an_address_a_folder_does_not(store, write):
    path, sha256 = write(b"content")
    store.put_blob(path, sha256)
    address = store.address_of(sha256, timedelta(minutes=1))
    if store.address.startswith("s3://"):
        with urllib.request.urlopen(address) as answer:
            assert answer.read() == b"content"
        with pytest.raises(UsageError, match="from a second to seven days"):
            store.address_of(sha256, timedelta(days=8))
    else:
        assert address is None
