"""Events of a video, and answers that wait for it."""

import json
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from services.jobs import queue
from services.jobs.previews import drop_preview, find_preview, keep_preview


def events(client: TestClient, video_id: str) -> Iterator[tuple[str, dict[str, object]]]:
    with client.stream("GET", f"/v1/videos/{video_id}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    for name, data in zip(lines[::2], lines[1::2], strict=True):
        yield name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_events_tell_every_state_up_to_the_end_and_show_previews(client: TestClient, engine: sa.Engine) -> None:
    video_id = client.post("/v1/videos", json={"prompt": "a"}).json()["id"]
    looked = threading.Event()

    def finish() -> None:
        assert queue.claim(engine, "w", 60) is not None
        keep_preview(engine, video_id, 40, b"\xff\xd8jpeg")
        looked.wait(0.6)  # over one look
        queue.complete(engine, video_id, "w", outcome={})

    worker = threading.Timer(0.4, finish)
    worker.start()
    told = list(events(client, video_id))
    worker.join()
    states = [data["status"] for name, data in told if name == "video"]
    assert states == ["queued", "in_progress", "completed"]
    (preview,) = [data for name, data in told if name == "preview"]
    assert preview == {"progress": 40, "image": "data:image/jpeg;base64,/9hqcGVn"}


def test_events_of_a_finished_video_are_its_end_and_of_an_unknown_one_an_error(client: TestClient) -> None:
    video_id = client.post("/v1/videos", json={"prompt": "a"}).json()["id"]
    client.post(f"/v1/videos/{video_id}/cancel")
    ((name, data),) = events(client, video_id)
    assert (name, data["status"]) == ("video", "cancelled")
    assert client.get("/v1/videos/video_x/events").status_code == 404


def test_a_preview_of_a_job_that_is_gone_is_not_kept(client: TestClient, engine: sa.Engine) -> None:
    keep_preview(engine, "video_gone", 1, b"x")
    assert find_preview(engine, "video_gone") is None
    drop_preview(engine, "video_gone")


@pytest.mark.parametrize("prefer", ["wait=30", "respond-async, wait=30"])
def test_a_request_that_prefers_to_wait_is_answered_with_the_end(
    client: TestClient, engine: sa.Engine, prefer: str
) -> None:
    def finish() -> None:
        job = queue.claim(engine, "w", 60)
        assert job is not None
        queue.fail(engine, job.job_id, "w", "not_finite", "no")

    worker = threading.Timer(0.3, finish)
    worker.start()
    answer = client.post("/v1/videos", json={"prompt": "a"}, headers={"prefer": prefer})
    worker.join()
    if answer.json()["status"] == "queued":  # the timer came before the job: it is claimed by nobody
        pytest.fail("it was not waited for")
    assert (answer.status_code, answer.json()["status"]) == (200, "failed")
    assert answer.headers["preference-applied"] == "wait=30"


def test_a_request_that_waits_too_short_is_answered_with_what_there_is(client: TestClient) -> None:
    answer = client.post("/v1/videos", json={"prompt": "a"}, headers={"prefer": "wait=1"})
    assert (answer.status_code, answer.json()["status"]) == (201, "queued")
