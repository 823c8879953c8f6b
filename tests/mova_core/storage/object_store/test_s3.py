"""A bucket on a real server: fetched once, verified, and every way it can fail is one sentence without a key."""

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from mova_core.errors import MediaError, MovaError, UsageError
from mova_core.ports import free_port
from mova_core.storage.object_store.address import open_store
from mova_core.storage.object_store.s3 import Bucket
from mova_core.storage.object_store.s3_access import endpoint

NAMES = (
    "a.mp4",
    "b/$(touch pwned);'\"`x`.mp4",
    "b/-rf.mp4",
    "b/日本語 кино.mp4",
    "b/percent%2e%2e%2f.mp4",
)


@pytest.fixture
def bucket(objects, request):
    """The name of a bucket with an object of each awkward name, a hidden one, and one beside the prefix."""
    name = "b" + hashlib.sha256(request.node.name.encode()).hexdigest()[:20]
    for number, path in enumerate((*NAMES, ".hidden.mp4", ".cache/x.mp4")):
        objects.put(name, f"raw/{path}", f"content {number}".encode())
    objects.put(name, "rawer.mp4", b"beside")
    return name


def digest(data):
    return hashlib.sha256(data).hexdigest()


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_prefix_is_a_folder_and_hidden_objects_are_left_out(bucket):
    listed = list(open_store(f"s3://{bucket}/raw/").listed())
    assert [one.name for one in listed] == sorted(NAMES, key=str.encode)
    assert all(one.bytes == 9 and one.version and one.problem is None for one in listed)
    assert {"raw/a.mp4", "rawer.mp4"} < {one.name for one in open_store(f"s3://{bucket}").listed()}


def test_an_object_is_fetched_once_and_its_file_is_named_by_its_content(bucket, tmp_path, monkeypatch):
    store = open_store(f"s3://{bucket}/raw")
    for one in store.listed():
        sha256 = store.sha256(one)
        path = store.local(one.name, sha256)
        assert digest(path.read_bytes()) == sha256 == path.name
    cached = files(tmp_path / "cache/objects")
    assert [path.name for path in cached] == sorted(path.name for path in cached) and len(cached) == len(NAMES)
    assert not (tmp_path / "pwned").exists() and not os.path.exists("pwned")
    monkeypatch.setattr(Bucket, "_fetch", None)  # nothing may be fetched again
    again = open_store(f"s3://{bucket}/raw")
    assert [again.sha256(one) for one in again.listed()]


def test_an_object_that_changed_is_fetched_anew_when_listed_and_refused_when_its_content_was_named(objects, bucket):
    store = open_store(f"s3://{bucket}/raw")
    old = store.sha256(next(store.listed()))
    objects.put(bucket, "raw/a.mp4", b"other content")
    assert store.sha256(next(store.listed())) == digest(b"other content")
    assert store.local("a.mp4", old).read_bytes() == b"content 0"  # from the cache: what was named
    store.local("a.mp4", old).unlink()
    with pytest.raises(MediaError, match="lock it again") as error:
        store.local("a.mp4", old)
    assert error.value.code == "changed_since_locked"
    objects.client.remove_object(bucket, "raw/a.mp4")
    with pytest.raises(MediaError, match="no longer") as error:
        store.local("a.mp4", old)
    assert error.value.code == "unreadable"


def test_an_object_that_changes_while_it_is_fetched_is_told(objects, bucket):
    store = open_store(f"s3://{bucket}/raw")
    listed = next(store.listed())
    objects.put(bucket, "raw/a.mp4", b"other content")
    with pytest.raises(MediaError, match="run again"):
        store.sha256(listed)


@pytest.mark.parametrize("name", ["../rawer.mp4", "/etc/passwd", "b/../../x", ".", "a\0b"])
def test_no_name_leads_out_of_the_prefix(bucket, name):
    with pytest.raises(MediaError) as error:
        open_store(f"s3://{bucket}/raw").local(name, digest(b"x"))
    assert error.value.code == "outside_root"
    with pytest.raises(MediaError):
        open_store(f"s3://{bucket}/raw").local("a.mp4", "../../etc/passwd")


def told(kind, address, *parts):
    with pytest.raises(kind) as error:
        list(open_store(address).listed())
    sentence = str(error.value)
    assert "\n" not in sentence and "secret" not in sentence.replace("SECRET", ""), sentence
    assert all(part in sentence for part in parts), sentence


def test_what_can_go_wrong_is_one_sentence_without_a_key(objects, bucket, monkeypatch):
    address = f"s3://{bucket}/raw"
    told(UsageError, "s3://no-such-bucket/raw", "no bucket no-such-bucket", "NoSuchBucket")
    told(UsageError, "s3://Bad_Name/raw", "no address of a bucket")
    told(UsageError, "s3://", "no address of a bucket")
    for name, value in (("AWS_SECRET_ACCESS_KEY", "wrong-secret"), ("AWS_ACCESS_KEY_ID", "nobody")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            told(UsageError, address, "keys are refused", bucket)
    with monkeypatch.context() as patch:
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        told(UsageError, address, "no keys", "AWS_ACCESS_KEY_ID")
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
        told(MovaError, address, "no object store answers", "without TLS")
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", os.environ["AWS_ENDPOINT_URL"].replace("http://", "https://"))
        told(MovaError, address, "with TLS", "http:// for a server without TLS")
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://key:test-secret-never-shown@127.0.0.1:9000")
        told(UsageError, address, "not http(s)://HOST[:PORT]")


def test_a_server_that_answers_nonsense_is_told(objects, monkeypatch):
    class Nonsense(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(418)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Nonsense) as server, ThreadPoolExecutor(1) as pool:
        running = pool.submit(server.serve_forever)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        told(MovaError, "s3://bucket/raw", "answers 418")
        threading.Thread(target=server.shutdown).start()
        running.result()


def test_keys_and_endpoint_may_stand_in_the_files_of_the_aws_tools(objects, bucket, tmp_path, monkeypatch):
    (tmp_path / "keys").write_text(
        f"[lab]\naws_access_key_id = {os.environ['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {os.environ['AWS_SECRET_ACCESS_KEY']}\n"
    )
    (tmp_path / "config").write_text(f"[profile lab]\nendpoint_url = {os.environ['AWS_ENDPOINT_URL']}\n")
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    assert list(open_store(f"s3://{bucket}/raw").listed())
    (tmp_path / "config").write_text("nonsense")
    with pytest.raises(UsageError, match="AWS_CONFIG_FILE"):
        list(open_store(f"s3://{bucket}/raw").listed())


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("http://localhost:9000", ("localhost:9000", False)),
        ("https://s3.example.org/", ("s3.example.org", True)),
        ("s3.example.org:443", ("s3.example.org:443", True)),
        (None, ("s3.amazonaws.com", True)),
    ],
)
def test_tls_is_used_unless_the_endpoint_says_http(objects, monkeypatch, written, expected):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    if written:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", written)
    assert endpoint() == expected
