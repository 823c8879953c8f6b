"""Who may ask: by the Host and Origin headers; and what everybody is told of a failure inside."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from mova_core.model.pretrained.index import FolderIndex
from services.api.app import create_app
from services.requests.checker import RequestChecker
from services.requests.video_request import MODEL_NAME
from services.settings import ServiceSettings

NewClient = Callable[..., TestClient]


@pytest.fixture
def new_client(engine: sa.Engine, settings: ServiceSettings, model_folder: Path) -> NewClient:
    def client_of(**params: object) -> TestClient:
        checker = RequestChecker(FolderIndex.read(model_folder), {MODEL_NAME}, max_seconds=10)
        own = replace(settings, params=settings.params.model_copy(update=params))
        return TestClient(create_app(engine, checker, own), base_url=settings.url, raise_server_exceptions=False)

    return client_of


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:3000", 200),
        ("127.0.0.1", 200),
        ("[::1]:3000", 200),
        ("192.168.1.7:80", 200),
        ("videos.example", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
        ("[::1", 421),
    ],
)
def test_only_addresses_and_names_of_ours_are_answered(new_client: NewClient, host: str, status: int) -> None:
    client = new_client(allowed_hosts=("videos.example",))
    assert client.get("/v1/videos", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", 201),  # the page is of this very host
        ("https://pages.example", 201),
        ("https://evil.example", 403),
        ("http://localhost:3001", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
def test_a_foreign_page_can_neither_ask_nor_read(new_client: NewClient, origin: str, status: int) -> None:
    client = new_client(allowed_origins=("https://pages.example",))
    headers = {"host": "localhost:3000", "origin": origin}
    answer = client.post("/v1/videos", data={"prompt": "a"}, headers=headers)
    assert answer.status_code == status
    allowed = answer.headers.get("access-control-allow-origin")
    assert allowed == (origin if origin == "https://pages.example" else None)


def test_pages_of_elsewhere_are_told_nothing_by_default(new_client: NewClient) -> None:
    headers = {"origin": "https://pages.example", "access-control-request-method": "POST"}
    answer = new_client().options("/v1/videos", headers=headers)
    assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers


def test_a_failure_inside_is_in_the_log_under_the_request_s_id_and_nowhere_else(
    new_client: NewClient, engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    client = new_client()
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE jobs")
    answer = client.get("/v1/videos", headers={"x-request-id": "mine-1"})
    assert answer.status_code == 500 and answer.headers["x-request-id"] == "mine-1"
    error = answer.json()["error"]
    assert error["code"] == "internal_error" and "mine-1" in error["message"] and "jobs" not in error["message"]
    assert "request mine-1" in caplog.text and "no such table: jobs" in caplog.text


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "é"])
def test_a_request_without_a_usable_id_gets_one(new_client: NewClient, given: str) -> None:
    answers = [new_client().get("/v1/videos", headers={"x-request-id": given.encode()}) for _ in range(2)]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == 2 and given not in ids
