"""Webhooks: one message a finished job, signed as Standard Webhooks says, sent until it arrives, to nobody private."""

import base64
import hashlib
import hmac
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.errors import UsageError
from mova_core.registry.database.connection import writing
from mova_core.registry.database.tables import WebhookMessage
from services.jobs import queue
from services.jobs.submission import NewJob, submit
from services.jobs.webhook_sender import PAUSES_S, WebhookSender
from services.jobs.webhooks import SECRET_VARIABLE, Webhooks
from services.requests.errors import InvalidRequest

SECRET = b"0123456789abcdef01234567"


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[Any], list[int]]]:
    """Address, what arrived there, and the statuses that it answers with, the last one again and again."""
    arrived: list[Any] = []
    statuses = [204]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            arrived.append((dict(self.headers.items()), body))
            self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
            self.send_header("location", "http://127.0.0.1:1/")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", arrived, statuses
    server.shutdown()
    thread.join()
    server.server_close()


def finished(engine: sa.Engine, url: str) -> str:
    job_id = submit(engine, NewJob({"webhook_url": url}), 9)[0].job_id
    assert queue.claim(engine, "w", 60) is not None and queue.complete(engine, job_id, "w", outcome={})
    return job_id


def test_a_finished_job_is_told_once_and_signed(engine: sa.Engine, receiver: tuple[str, list[Any], list[int]]) -> None:
    url, arrived, _ = receiver
    job_id, sender = finished(engine, url), WebhookSender(engine, Webhooks(SECRET, allow_private=True))
    assert sender.send_next() and not sender.send_next()
    ((headers, body),) = arrived
    told = json.loads(body)
    assert (told["type"], told["data"]) == ("video.completed", {"id": job_id})
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_one_that_does_not_arrive_is_sent_again_with_the_same_id_and_given_up_at_last(
    engine: sa.Engine, receiver: tuple[str, list[Any], list[int]]
) -> None:
    url, arrived, statuses = receiver
    statuses[:] = [307]  # another address is never gone to
    finished(engine, url)
    sender = WebhookSender(engine, Webhooks(SECRET, allow_private=True))
    for _ in range(1 + len(PAUSES_S)):
        assert sender.send_next() and not sender.send_next()  # not before its pause is over
        with writing(engine) as session:
            session.execute(sa.update(WebhookMessage).values(next_at=0))
    assert not sender.send_next()
    assert len(arrived) == 1 + len(PAUSES_S) and len({headers["webhook-id"] for headers, _ in arrived}) == 1


def test_nothing_is_sent_to_a_private_network(engine: sa.Engine, receiver: tuple[str, list[Any], list[int]]) -> None:
    url, arrived, _ = receiver
    finished(engine, url.replace("127.0.0.1", "localhost"))
    assert WebhookSender(engine, Webhooks(SECRET)).send_next() and arrived == []


@pytest.mark.parametrize("host", ["a" * 64 + ".example", ".example"])
def test_a_name_that_cannot_be_ends_no_sender(engine: sa.Engine, host: str) -> None:
    webhooks = Webhooks(SECRET)
    webhooks.check(f"https://{host}/")
    finished(engine, f"https://{host}/")
    assert WebhookSender(engine, webhooks).send_next()
    with writing(engine) as session:
        assert session.scalars(sa.select(WebhookMessage.attempts)).all() == [1]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/",
        "https://user:word@example.org/",
        "ftp://example.org/",
        "https://",
        "https://[",
        "https://example.org:99999/",
        "x",
    ],
)
def test_addresses_that_are_never_told_are_refused_with_the_request(url: str) -> None:
    with pytest.raises(InvalidRequest, match="webhook_url"):
        Webhooks(SECRET).check(url)


def test_without_a_secret_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    with pytest.raises(InvalidRequest, match="no secret to sign with"):
        Webhooks.from_environment(False).check("https://example.org/")
    for wrong in ("whsec_", "abc", "whsec_YQ==", "whsec_***"):
        monkeypatch.setenv(SECRET_VARIABLE, wrong)
        with pytest.raises(UsageError, match="expected whsec_") as refused:
            Webhooks.from_environment(False)
        assert "YQ" not in str(refused.value)


def test_cancelled_and_failed_jobs_are_told_too(engine: sa.Engine) -> None:
    first, second = (submit(engine, NewJob({"webhook_url": "https://example.org/"}), 9)[0].job_id for _ in range(2))
    queue.cancel(engine, first)
    assert queue.claim(engine, "w", 60) is not None and queue.fail(engine, second, "w", "not_finite", "no")
    with writing(engine) as session:
        told = [json.loads(text)["type"] for text in session.scalars(sa.select(WebhookMessage.payload))]
    assert sorted(told) == ["video.cancelled", "video.failed"]
