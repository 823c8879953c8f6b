"""The API without a server behind it: what is queued, what is refused and how."""

import base64
import io
import json
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from PIL import Image

from mova_core.registry.database.tables import Job
from services.jobs import queue
from services.jobs.submission import NewJob, submit
from services.settings import ServiceSettings

QUEUED = {"prompt": "", "seconds": "1", "size": "1x1", "seed": 0}


def png(mode: str = "RGB", side_px: int = 48) -> str:
    """An image file in base64."""
    file = io.BytesIO()
    Image.new(mode, (side_px, side_px)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_json_and_form_queue_the_same_request(client: TestClient, row: Callable[[str], Job]) -> None:
    fields = {"prompt": "a red ball", "seconds": "2", "size": "384x384", "seed": 7, "steps": 3}
    by_json = client.post("/v1/videos", json=fields | {"input_reference": f"data:image/png;base64,{png()}"})
    by_form = client.post("/v1/videos", data=fields, files={"input_reference": ("a.png", base64.b64decode(png()))})
    assert by_json.status_code == by_form.status_code == 201
    first, second = (row(answer.json()["id"]) for answer in (by_json, by_form))
    assert first.request == second.request
    assert first.request["changes"] == {"steps": 3, "frames": 33, "height": 48, "width": 48}
    video = by_json.json()
    assert (video["object"], video["status"], video["seconds"], video["size"]) == (
        "video",
        "queued",
        "2.0625",
        "384x384",
    )


@pytest.mark.parametrize(
    ("prompt", "warnings"),
    [
        ("a red ball", []),
        (
            "A cat",
            ["this model was trained on clips of: red ball, wooden knock; the prompt 'A cat' names none of them"],
        ),
    ],
)
def test_a_prompt_about_nothing_that_the_model_knows_is_queued_with_a_warning(
    client: TestClient, prompt: str, warnings: list[str]
) -> None:
    made = client.post("/v1/videos", json={"prompt": prompt})
    assert (made.status_code, made.json()["warnings"]) == (201, warnings)
    assert client.get(f"/v1/videos/{made.json()['id']}").json()["warnings"] == warnings


def test_what_is_found_in_a_finished_clip_is_told_with_what_was_found_before(
    client: TestClient, engine: sa.Engine
) -> None:
    made = client.post("/v1/videos", json={"prompt": "A cat"}).json()
    job = queue.claim(engine, "worker", 60)
    assert job is not None and made["tries"] == []
    tries = [{"seed": 0, "faults": ["the audio is silent for 100% of its length"]}, {"seed": 1000, "faults": []}]
    outcome = {"tries": tries, "warnings": ["seed 0 collapsed"]}
    assert queue.complete(engine, job.job_id, "worker", result_path="x", result_sha256="0" * 64, outcome=outcome)
    got = client.get(f"/v1/videos/{job.job_id}").json()
    assert got["tries"] == tries and got["warnings"] == [*made["warnings"], "seed 0 collapsed"]


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({}, 400, "prompt is missing"),
        ({"prompt": " "}, 400, "the prompt is empty"),
        ({"prompt": "x" * 128}, 400, "129 tokens"),
        ({"prompt": "ab\ud800"}, 400, "character 3 is half of a surrogate pair"),
        ({"prompt": "x", "size": "100x100"}, 400, "size is '100x100', this model makes 384x384"),
        ({"prompt": "x", "size": "big"}, 400, "size is 'big'"),
        ({"prompt": "x", "seconds": "11"}, 400, "seconds is 11, this service makes clips of at most 10"),
        ({"prompt": "x", "seconds": "-1"}, 400, "seconds is '-1'"),
        ({"prompt": "x", "seed": -1}, 400, "seed is -1"),
        ({"prompt": "x", "seed": True}, 400, "seed is True: expected a number or a text, not a truth value"),
        ({"prompt": "x", "steps": 0}, 400, "steps is 0"),
        ({"prompt": "x", "text_guidance_scale": -1}, 400, "text_guidance_scale is -1"),
        ({"prompt": "x", "guidance_rescale": 2}, 400, "guidance_rescale is 2"),
        ({"prompt": "x", "guidance_sigma_min": 0.9, "guidance_sigma_max": 0.5}, 400, "expected the lower level first"),
        ({"prompt": "x", "audio_negative_prompt": "ab\ud800"}, 400, "character 3 is half of a surrogate pair"),
        ({"prompt": "x", "audio_negative_prompt": "x" * 128}, 400, "129 tokens"),
        ({"prompt": "x", "frames": 10}, 400, "unknown field 'frames', expected prompt, "),
        ({"prompt": "x", "input_reference": png("RGBA")}, 400, "the image has transparent pixels, expected an opaque"),
        ({"prompt": "x", "input_reference": png(side_px=1)}, 400, "the image is 1x1, expected at least 16"),
        ({"prompt": "x", "input_reference": "@@@"}, 400, "input_reference is not base64"),
        ({"prompt": "x", "colour": "red"}, 400, "unknown field 'colour'"),
        ({"prompt": "x", "model": "sora-2"}, 404, "model 'sora-2' is not served here, expected mova"),
        ({"prompt": "x", "input_reference": "https://example.org/a.png"}, 400, "is an address"),
        ({"prompt": "x", "input_reference": base64.b64encode(b"no image").decode()}, 400, "that can be read"),
        ({"prompt": "x", "input_reference": {"file_id": "f"}, "seed": 1.5}, 400, "seed is 1.5"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_and_queues_nothing(
    client: TestClient, fields: dict[str, object], status: int, said: str
) -> None:
    body = json.dumps(fields)  # as httpx would, but for what it cannot send
    answer = client.post("/v1/videos", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    error = answer.json()["error"]
    assert said in error["message"] and "\n" not in error["message"]
    assert error["type"] == "invalid_request_error"
    assert client.get("/v1/videos").json()["data"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff", b'"x"', b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post("/v1/videos", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400 and "body" in answer.json()["error"]["message"]


def test_other_paths_methods_and_queries_answer_in_the_same_form(client: TestClient) -> None:
    answers = [
        client.get("/v1/nothing"),
        client.put("/v1/videos"),
        client.get("/v1/videos?limit=0"),
        client.get("/v1/videos/video_x"),
        client.get("/v1/videos/video_x/content"),
        client.delete("/v1/videos/video_x"),
    ]
    assert [answer.status_code for answer in answers] == [404, 405, 400, 404, 404, 404]
    codes = [answer.json()["error"]["code"] for answer in answers]
    assert codes == ["unknown_path", "method_not_allowed", "invalid_request", "not_found", "not_found", "not_found"]
    assert all(answer.json()["error"]["message"] for answer in answers)


def test_a_video_is_listed_and_deleted(client: TestClient) -> None:
    ids = [client.post("/v1/videos", json={"prompt": "a"}).json()["id"] for _ in range(3)]
    page = client.get("/v1/videos", params={"limit": 2, "order": "asc"}).json()
    assert [video["id"] for video in page["data"]] == ids[:2] and page["has_more"]
    assert client.delete(f"/v1/videos/{page['last_id']}").status_code == 200
    rest = client.get("/v1/videos", params={"after": page["last_id"], "order": "asc"}).json()
    assert [video["id"] for video in rest["data"]] == ids[2:] and not rest["has_more"]
    assert client.get(f"/v1/videos/{ids[0]}/content").status_code == 404  # not finished
    assert client.delete(f"/v1/videos/{ids[0]}").json() == {"id": ids[0], "object": "video.deleted", "deleted": True}
    assert client.get(f"/v1/videos/{ids[0]}").status_code == 404


def test_the_smoke_job_of_a_deployment_is_found_but_neither_listed_nor_counted(
    engine: sa.Engine, settings: ServiceSettings, client: TestClient
) -> None:
    smoke = client.post("/v1/videos", json={"prompt": "a"}, headers={"x-mova-smoke": "1"}).json()["id"]
    for _ in range(settings.params.queue):  # the smoke job takes none of the users' places
        submit(engine, NewJob(QUEUED), settings.params.queue)
    listed = client.get("/v1/videos", params={"limit": 100}).json()["data"]
    assert smoke not in [video["id"] for video in listed] and len(listed) == 100
    assert client.get(f"/v1/videos/{smoke}").json()["status"] == "queued"
    assert client.post("/v1/videos", json={"prompt": "a"}, headers={"x-mova-smoke": "1"}).status_code == 201


def test_a_full_queue_says_so(engine: sa.Engine, settings: ServiceSettings, client: TestClient) -> None:
    for _ in range(settings.params.queue):
        submit(engine, NewJob(QUEUED), limit=1000)
    answer = client.post("/v1/videos", json={"prompt": "a"})
    assert answer.status_code == 429 and answer.json()["error"]["code"] == "queue_full"


def test_a_cancelled_video_stays_to_be_seen_and_a_finished_one_has_nothing_to_cancel(
    client: TestClient, engine: sa.Engine
) -> None:
    made, failed = (client.post("/v1/videos", json={"prompt": "a"}).json()["id"] for _ in range(2))
    for _ in range(2):  # twice is the same
        answer = client.post(f"/v1/videos/{made}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert client.get(f"/v1/videos/{made}").json()["status"] == "cancelled"
    assert made in [video["id"] for video in client.get("/v1/videos").json()["data"]]
    assert queue.claim(engine, "w", 60) is not None and queue.fail(engine, failed, "w", "not_finite", "at /home/x")
    answer = client.post(f"/v1/videos/{failed}/cancel")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_finished")
    assert client.post("/v1/videos/video_x/cancel").status_code == 404


def test_a_failed_video_is_an_answer_with_a_code_and_a_sentence_without_a_word_of_the_inside(
    client: TestClient, engine: sa.Engine
) -> None:
    video_id = client.post("/v1/videos", json={"prompt": "a"}).json()["id"]
    assert queue.claim(engine, "w", 60) is not None
    assert queue.fail(engine, video_id, "w", "internal_error", "OSError: /home/secret/model.safetensors on host db7")
    answer = client.get(f"/v1/videos/{video_id}")
    assert answer.status_code == 200 and answer.json()["error"]["code"] == "internal_error"
    assert "secret" not in answer.text and "db7" not in answer.text


def test_a_finished_video_says_until_when_it_is_kept(
    client: TestClient, engine: sa.Engine, settings: ServiceSettings
) -> None:
    video_id = client.post("/v1/videos", json={"prompt": "a"}).json()["id"]
    assert client.get(f"/v1/videos/{video_id}").json()["expires_at"] is None
    client.post(f"/v1/videos/{video_id}/cancel")
    video = client.get(f"/v1/videos/{video_id}").json()
    assert abs(video["expires_at"] - video["completed_at"] - settings.params.keep_s) <= 1


def test_a_request_sent_again_with_its_key_is_the_same_video(client: TestClient) -> None:
    key = {"Idempotency-Key": "one"}
    first, again = (client.post("/v1/videos", json={"prompt": "a"}, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200) and first.json()["id"] == again.json()["id"]
    assert again.headers["idempotency-replayed"] == "true"
    other = client.post("/v1/videos", json={"prompt": "b"}, headers=key)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert client.post("/v1/videos", json={"prompt": "a"}, headers={"Idempotency-Key": "a b"}).status_code == 400


def test_head_is_answered_like_get_without_a_body(client: TestClient) -> None:
    video_id = client.post("/v1/videos", json={"prompt": "a"}).json()["id"]
    for path in ("/v1/videos", f"/v1/videos/{video_id}", "/v1/videos/video_x"):
        assert client.head(path).status_code == client.get(path).status_code
