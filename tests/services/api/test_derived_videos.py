"""Videos that go on from another one: what is queued of a remix, an extension and an edit, and what is refused."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from mova_core.registry.database.tables import Job
from services.jobs import queue
from services.jobs.results import result_path
from services.settings import ServiceSettings
from tests.services.api.test_app import png

CLIP = b"a clip"
ANY = {"prompt": "a green box"}


@pytest.fixture
def finished(client: TestClient, engine: sa.Engine, settings: ServiceSettings) -> str:
    """Id of a video that has a file."""
    fields = {"prompt": "a red ball", "seed": 7, "steps": 3, "input_reference": png()}
    video_id = str(client.post("/v1/videos", json=fields).json()["id"])
    assert queue.claim(engine, "w", 60) is not None
    path = settings.root / result_path(video_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CLIP)
    sha256 = hashlib.sha256(CLIP).hexdigest()
    assert queue.complete(engine, video_id, "w", result_path=result_path(video_id), result_sha256=sha256, outcome={})
    return video_id


def test_a_remix_is_the_same_request_with_other_words(
    client: TestClient, finished: str, row: Callable[[str], Job]
) -> None:
    answer = client.post(f"/v1/videos/{finished}/remix", json=ANY | {"steps": 5})
    assert answer.status_code == 201 and answer.json()["remixed_from_video_id"] == finished
    before, after = row(finished).request, row(answer.json()["id"]).request
    assert after["inputs"] == before["inputs"] and after["seed"] == 7 and after["changes"] == {"steps": 5}
    assert client.delete(f"/v1/videos/{finished}").status_code == 200  # the image stays: the remix needs it
    assert client.post(f"/v1/videos/{answer.json()['id']}/remix", json=ANY).status_code == 201


def test_an_extension_goes_on_from_the_clip_by_whole_pieces(
    client: TestClient, finished: str, row: Callable[[str], Job]
) -> None:
    by_path = client.post(f"/v1/videos/{finished}/extend", json=ANY | {"seconds": "3.5"})
    by_body = client.post("/v1/videos/extensions", json=ANY | {"seconds": "3.5", "video": {"id": finished}})
    by_form = client.post("/v1/videos/extensions", data=ANY | {"seconds": "3.5", "video[id]": finished})
    requests = [row(answer.json()["id"]).request for answer in (by_path, by_body, by_form)]
    assert requests[0] == requests[1] == requests[2]
    assert requests[0]["task"] == {"extend": 2} and list(requests[0]["inputs"]) == ["video"]
    first_s, piece_s = 33 / 16, 28 / 16
    assert float(by_path.json()["seconds"]) == first_s + 2 * piece_s


@pytest.mark.parametrize(
    ("fields", "task", "inputs"),
    [
        ({"retake": "0.5:1"}, {"retake": [0.5, 1.0]}, ["video"]),
        ({"keep": "video"}, {}, ["video"]),
        ({"keep": "audio"}, {}, ["audio"]),
    ],
)
def test_an_edit_keeps_what_it_does_not_name(
    client: TestClient,
    finished: str,
    row: Callable[[str], Job],
    fields: dict[str, str],
    task: dict[str, Any],
    inputs: list[str],
) -> None:
    answer = client.post("/v1/videos/edits", json=ANY | fields | {"video": {"id": finished}})
    assert answer.status_code == 201, answer.text
    request = row(answer.json()["id"]).request
    assert request["task"] == task and list(request["inputs"]) == inputs and request["seed"] == 7


def test_a_video_file_can_be_edited(client: TestClient, row: Callable[[str], Job]) -> None:
    answer = client.post("/v1/videos/edits", data=ANY | {"keep": "video"}, files={"video": ("a.mp4", CLIP)})
    by_json = client.post("/v1/videos/edits", json=ANY | {"keep": "video", "video": base64.b64encode(CLIP).decode()})
    assert row(answer.json()["id"]).request == row(by_json.json()["id"]).request


@pytest.mark.parametrize(
    ("path", "fields", "status", "said"),
    [
        ("edits", {"keep": "video"}, 400, "video is missing"),
        ("edits", {"video": "video_" + 36 * "0", "keep": "video"}, 404, "is not known here"),
        ("{}/edit", {}, 400, "an edit says what is made anew"),
        ("{}/edit", {"keep": "video", "retake": "0:1"}, 400, "an edit says what is made anew"),
        ("{}/edit", {"retake": "1:0.5"}, 400, "expected a start before the end"),
        ("{}/edit", {"retake": "0:99"}, 400, "expected an interval within the clip"),
        ("{}/edit", {"retake": "a:b"}, 400, "retake is 'a:b'"),
        ("{}/edit", {"keep": "video", "video_text_guidance_scale": 2}, 400, "has no part where the video is given"),
        ("{}/extend", {}, 400, "seconds is missing"),
        ("{}/extend", {"seconds": 1000}, 400, "seconds is 1000"),
        ("{}/extend", {"seconds": 30}, 400, "seconds are to be made, this service makes clips of at most 10"),
        ("{}/remix", {"input_reference": png()}, 400, "unknown field 'input_reference'"),
        ("video_x/remix", {}, 404, "is not known here"),
    ],
)
def test_what_cannot_go_on_is_one_sentence(
    client: TestClient, finished: str, path: str, fields: dict[str, Any], status: int, said: str
) -> None:
    answer = client.post(f"/v1/videos/{path.format(finished)}", json=ANY | fields)
    assert answer.status_code == status and said in answer.json()["error"]["message"], answer.text


def test_only_a_completed_video_can_be_edited(client: TestClient) -> None:
    waits = client.post("/v1/videos", json=ANY).json()["id"]
    answer = client.post(f"/v1/videos/{waits}/edit", json=ANY | {"keep": "video"})
    assert answer.status_code == 400 and "is queued, expected a completed one" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "task", "inputs"),
    [
        ({"last_frame": png()}, {}, ["last_image"]),
        ({"input_reference": png(), "last_frame": png()}, {}, ["image", "last_image"]),
        ({"only": "audio"}, {"only": "audio"}, []),
        ({"extend": 1}, {"extend": 1}, []),
        ({"audio": "YQ=="}, {}, ["audio"]),
    ],
)
def test_every_task_of_the_pipeline_can_be_asked_for(
    client: TestClient, row: Callable[[str], Job], fields: dict[str, Any], task: dict[str, Any], inputs: list[str]
) -> None:
    answer = client.post("/v1/videos", json=ANY | fields)
    assert answer.status_code == 201, answer.text
    request = row(answer.json()["id"]).request
    assert (request["task"], list(request["inputs"])) == (task, inputs)


def test_inputs_that_no_task_takes_together_are_refused(client: TestClient) -> None:
    answer = client.post("/v1/videos", json=ANY | {"audio": "YQ==", "only": "audio"})
    assert answer.status_code == 400 and "nothing is left to generate" in answer.json()["error"]["message"]
