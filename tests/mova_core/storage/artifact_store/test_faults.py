"""A store that is gone, refuses, comes back, or holds links where its files should be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from minio import Minio
from minio.sse import SseS3

from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.ports import free_port
from mova_core.storage.artifact_store import retry
from mova_core.storage.artifact_store.open import open_artifact_store

from .conftest import manifest_of

PROGRAM = Path(sys.executable).parent / "rclone"


@pytest.fixture
def bucket(objects):
    name = f"faults-{os.urandom(6).hex()}"
    objects.client.make_bucket(name)
    return f"s3://{name}/kept"


class Server:
    """An S3 server that can be ended and started again, at the same address."""

    def __init__(self, folder, key, secret):
        self.host = f"127.0.0.1:{free_port()}"
        self._command = [PROGRAM, "serve", "s3", "--addr", self.host, "--auth-key", f"{key},{secret}", folder]
        self._process = None

    def start(self):
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)

    def end(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def server(objects, tmp_path, monkeypatch):
    """A server of the test's own, not started yet; the environment names it."""
    keys = (os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    (tmp_path / "objects/models").mkdir(parents=True)
    made = Server(tmp_path / "objects", *keys)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{made.host}")
    yield made
    made.end()


def test_what_is_asked_while_the_server_is_gone_is_asked_again(server, write, tmp_path, monkeypatch):
    store = open_artifact_store("s3://models/a", tmp_path)
    path, sha256 = write(b"content")
    slept = []

    def back_after_some_tries(seconds):
        slept.append(seconds)
        if len(slept) == 4:
            server.start()

    monkeypatch.setattr(retry, "RETRY_FOR_S", 600.0)  # a busy machine may start the server slowly
    monkeypatch.setattr(retry.time, "sleep", lambda _: None)  # of urllib3 too, whose own tries come first
    monkeypatch.setattr(retry, "sleep", back_after_some_tries)
    store.put_blob(path, sha256)  # gone from the beginning
    assert len(slept) >= 4 and slept[:4] == [0.1, 0.2, 0.4, 0.8]
    server.end()
    slept.clear()
    store.put_manifest("models", "one", manifest_of(x=b"content"))  # gone in between
    assert len(slept) >= 4 and store.get_manifest("models", "one") is not None
    store.get_blob(sha256, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"content"


def test_a_server_that_stays_away_is_told_in_one_sentence(server, write, tmp_path, monkeypatch):
    monkeypatch.setattr(retry, "RETRY_FOR_S", 0.0)
    monkeypatch.setattr(retry.time, "sleep", lambda _: None)
    store = open_artifact_store("s3://models/a", tmp_path)
    path, sha256 = write(b"content")
    for act in (
        lambda: store.put_blob(path, sha256),
        lambda: store.get_blob(sha256, tmp_path / "copy"),
        lambda: list(store.blobs()),
        lambda: store.get_manifest("models", "one"),
        lambda: store.remove_blob(sha256),
    ):
        with pytest.raises(MovaError, match=rf"no object store answers at {server.host} without TLS") as told:
            act()
        assert os.environ["AWS_SECRET_ACCESS_KEY"] not in str(told.value) and "\n" not in str(told.value)


def test_wrong_keys_and_no_bucket_are_told_at_once(bucket, write, tmp_path, monkeypatch):
    monkeypatch.setattr(retry, "sleep", None)  # nothing of it is tried again
    path, sha256 = write(b"content")
    nowhere = open_artifact_store("s3://no-such-bucket/a", tmp_path)
    for act in (
        lambda store: store.has_blob(sha256),
        lambda store: store.put_blob(path, sha256),
        lambda store: store.put_manifest("models", "one", b'{"files": {}}'),
        lambda store: list(store.manifests("models")),
    ):
        with pytest.raises(UsageError, match="there is no bucket no-such-bucket"):
            act(nowhere)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret-never-shown")
    refused = open_artifact_store(bucket, tmp_path)
    with pytest.raises(UsageError, match="the keys are refused") as told:
        refused.put_blob(path, sha256)
    assert "never-shown" not in str(told.value)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(UsageError, match="no keys for"):
        open_artifact_store(bucket, tmp_path).has_blob(sha256)


def test_encryption_by_the_server_is_asked_for(bucket, write, tmp_path, monkeypatch):
    asked = []
    put_object = Minio.put_object

    def spy(self, *arguments, sse=None, **named):
        asked.append(sse)
        return put_object(self, *arguments, sse=sse, **named)

    monkeypatch.setattr(Minio, "put_object", spy)
    path, sha256 = write(b"content")
    open_artifact_store(bucket, tmp_path).put_blob(path, sha256)
    assert asked == [None]
    store = open_artifact_store(bucket, tmp_path, "sse-s3")
    store.remove_blob(sha256)
    store.put_blob(path, sha256)
    store.put_manifest("models", "one", manifest_of(x=b"content"))
    assert len(asked) == 3 and all(isinstance(each, SseS3) for each in asked[1:])


def test_an_etag_that_tells_nothing_is_no_proof(bucket, write, tmp_path, monkeypatch):
    """As of a server that encrypts with keys of a KMS: the object is read back."""
    store = open_artifact_store(bucket, tmp_path)
    path, sha256 = write(b"content")
    monkeypatch.setattr("mova_core.storage.artifact_store.digests._md5", lambda _: b"another" * 2 + b"..")
    store.put_blob(path, sha256)
    store.put_blob(path, sha256)
    put_object = Minio.put_object
    monkeypatch.setattr(Minio, "put_object", lambda self, *a, **b: put_object(self, *a[:2], path.open("rb"), 3))
    store.remove_blob(sha256)
    with pytest.raises(StaleError, match=r"holds other bytes of .* than were sent"):
        store.put_blob(path, sha256)


@pytest.mark.parametrize("place", ["blob", "folder of blobs", "manifest"])
def test_a_link_in_the_place_of_a_file_is_refused(write, tmp_path, place):
    store = open_artifact_store("kept", tmp_path)
    path, sha256 = write(b"content")
    store.put_blob(path, sha256)
    store.put_manifest("models", "one", manifest_of(x=b"content"))
    blob, manifest = tmp_path / f"kept/blobs/{sha256[:2]}/{sha256}", tmp_path / "kept/manifests/models/one"
    linked = {"blob": blob, "folder of blobs": blob.parent, "manifest": manifest}[place]
    linked.rename(tmp_path / "outside")
    linked.symlink_to(tmp_path / "outside")
    act = (lambda: store.get_manifest("models", "one")) if place == "manifest" else (lambda: store.has_blob(sha256))
    with pytest.raises(StaleError, match="is a link"):
        act()
    with pytest.raises(StaleError, match="is a link"):
        if place == "manifest":
            store.put_manifest("models", "one", manifest_of(x=b"content"))
        else:
            store.get_blob(sha256, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_what_is_kept_cannot_be_written_into_by_accident(write, tmp_path):
    store = open_artifact_store("kept", tmp_path)
    path, sha256 = write(b"content")
    store.put_blob(path, sha256)
    store.get_blob(sha256, tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_mode & 0o222 == 0
