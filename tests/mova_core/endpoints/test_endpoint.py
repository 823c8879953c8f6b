"""Endpoints are named by the environment; one that cannot be used is refused before anything is asked of it."""

import socket

import pytest

from mova_core.endpoints.endpoint import Endpoint
from mova_core.errors import UsageError
from mova_core.ports import free_port
from tests.mova_core.endpoints.model_server import Answer


def named(monkeypatch, url, model="m", key=""):
    for name, value in (("URL", url), ("MODEL", model), ("KEY", key)):
        monkeypatch.setenv(f"MOVA_VLM_{name}", value)
    return Endpoint.from_environment("VLM")


def test_nothing_is_named_unless_the_environment_says_so(monkeypatch):
    assert Endpoint.from_environment("VLM") is None
    assert named(monkeypatch, " ") is None


def test_an_endpoint_is_url_model_and_key(monkeypatch):
    assert named(monkeypatch, "https://host:8000/v1/", "org/model", "k") == Endpoint(
        "VLM", "https://host:8000/v1", "org/model", "k"
    )
    assert named(monkeypatch, "http://[::1]:8000").key is None


@pytest.mark.parametrize(
    "url",
    [
        "host:8000/v1",
        "ftp://host/v1",
        "http://",
        "http:///v1",
        "http://host:port/v1",
        "http://host:0/v1",
        "http://host:99999/v1",
        "http://[::1/v1",
        "http://me:secret@host/v1",
        "http://host/v1?key=secret",
        "http://host/v1#secret",
        "http://host/v1 secret",
        "http://host/\x1b[2Jsecret",
    ],
)
def test_what_is_no_url_is_refused_and_not_shown(monkeypatch, url):
    with pytest.raises(UsageError, match="MOVA_VLM_URL is not") as error:
        named(monkeypatch, url)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("method", ["/chat/completions/", "/audio/transcriptions"])
def test_the_method_is_not_part_of_the_url(monkeypatch, method):
    with pytest.raises(UsageError, match="leave it out"):
        named(monkeypatch, f"http://host/v1{method}")


def test_an_endpoint_without_a_model_is_refused(monkeypatch):
    with pytest.raises(UsageError, match="MOVA_VLM_MODEL is not"):
        named(monkeypatch, "http://host/v1", "")


@pytest.mark.parametrize("key", ["a\nX-Header: b", "schlüssel"])
def test_a_key_that_is_no_header_is_refused_and_not_shown(monkeypatch, key):
    with pytest.raises(UsageError, match="MOVA_VLM_KEY") as error:
        named(monkeypatch, "http://host/v1", key=key)
    assert key not in str(error.value)


@pytest.mark.parametrize("status", [200, 404, 405, 500])
def test_a_server_that_answers_at_all_is_there(server, status):
    server.models = Answer(b"", status)
    server.endpoint().check_reachable()


def test_a_server_that_takes_its_time_is_there():
    with socket.create_server(("127.0.0.1", 0)) as listener:  # connects, and never says a word
        Endpoint("LLM", f"http://127.0.0.1:{listener.getsockname()[1]}/v1", "m").check_reachable()


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_nobody_there_is_one_sentence(host):
    with pytest.raises(UsageError, match=r"MOVA_LLM_URL http://\S+ cannot be reached") as error:
        Endpoint("LLM", f"http://{host}:{free_port()}/v1", "m").check_reachable()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("status", "told"), [(401, "MOVA_VLM_KEY"), (403, "MOVA_VLM_KEY"), (302, "redirects")])
def test_a_key_that_is_refused_and_a_redirect_are_found_before_anything_is_asked(server, status, told):
    server.models = Answer(b"", status, {"Location": "http://elsewhere.invalid/v1/models"})
    with pytest.raises(UsageError, match=told) as error:
        server.endpoint("VLM", "sk-secret").check_reachable()
    assert "sk-secret" not in str(error.value)
