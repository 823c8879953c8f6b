"""Bodies: counted while they come, read as UTF-8 or refused, and no field twice."""

import base64
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from services.api import guard
from tests.services.api.test_app import png

JSON = {"content-type": "application/json"}


def chunks(count: int, size: int = 2**20) -> Iterator[bytes]:
    yield from (b"x" * size for _ in range(count))


def test_a_body_of_chunks_without_a_length_is_taken(client: TestClient) -> None:
    answer = client.post("/v1/videos", content=iter([b'{"prompt":', b' "a"}']), headers=JSON)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("length", [None, "10"])
def test_a_body_is_counted_whatever_its_header_says(client: TestClient, length: str | None) -> None:
    headers = JSON | ({"content-length": length} if length else {})
    answer = client.post("/v1/videos", content=chunks(64), headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


def test_what_all_bodies_hold_at_once_is_limited_and_let_go(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MAX_HELD", 2**20)
    answer = client.post("/v1/videos", content=chunks(2), headers=JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "overloaded")
    assert answer.headers["retry-after"]
    assert client.post("/v1/videos", json={"prompt": "a"}).status_code == 201


def test_base64_with_line_breaks_is_base64(client: TestClient) -> None:
    broken = base64.encodebytes(base64.b64decode(png())).decode().replace("\n", "\r\n")
    assert client.post("/v1/videos", json={"prompt": "a", "input_reference": broken}).status_code == 201


FORM = {"content-type": "application/x-www-form-urlencoded"}
MULTIPART = {"content-type": "multipart/form-data; boundary=b"}


def multipart(value: bytes) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n' + value + b"\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (FORM, b"prompt=caf%E9"),
        (FORM, b"prompt=caf\xe9"),
        (MULTIPART, multipart(b"caf\xe9")),
        (JSON, b'{"prompt": "caf\xe9"}'),
    ],
)
def test_text_that_is_not_utf8_is_refused_and_never_repaired(
    client: TestClient, headers: dict[str, str], body: bytes
) -> None:
    answer = client.post("/v1/videos", content=body, headers=headers)
    assert answer.status_code == 400 and "is not UTF-8" in answer.json()["error"]["message"]
    assert client.get("/v1/videos").json()["data"] == []


@pytest.mark.parametrize(
    ("headers", "body"),
    [(FORM, "prompt=café"), (FORM, "prompt=caf%C3%A9"), (MULTIPART, multipart("café".encode()).decode())],
)
def test_utf8_of_a_form_arrives_as_it_was_sent(client: TestClient, headers: dict[str, str], body: str) -> None:
    answer = client.post("/v1/videos", content=body.encode(), headers=headers)
    assert answer.status_code == 201 and answer.json()["prompt"] == "café"


@pytest.mark.parametrize(
    ("headers", "body", "said"),
    [
        (JSON, b'{"prompt": "a", "prompt": "b"}', "given twice"),
        (FORM, b"prompt=a&prompt=b", "given twice"),
        (JSON, b'{"prompt": "a", "seconds": NaN}', "is not JSON"),
        ({"content-type": "multipart/form-data"}, b"x", "cannot be read"),
        ({"content-type": "multipart/form-data; boundary=b; charset=latin-1"}, multipart(b"a"), "expected utf-8"),
        ({"content-type": "text/plain"}, b"prompt=a", "content type is 'text/plain'"),
        (FORM, b"&".join(b"a%d=1" % number for number in range(99)), "over 64 fields"),
    ],
)
def test_a_body_that_says_two_things_or_none_is_refused(
    client: TestClient, headers: dict[str, str], body: bytes, said: str
) -> None:
    answer = client.post("/v1/videos", content=body, headers=headers)
    assert answer.status_code == 400 and said in answer.json()["error"]["message"]
