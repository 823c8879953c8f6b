"""The client against the API itself, and what it says where nobody answers or somebody refuses."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
import typer
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from mova_core.errors import MovaError, UsageError
from mova_core.registry.database.tables import Job
from services.client import ServiceRefused, ServiceUnreachable, VideoClient, commands
from services.client import client as client_module
from services.jobs import queue
from services.jobs.results import result_path
from services.keys.keys import create_key
from services.settings import ServiceSettings
from tests.services.api.test_app import png


class ToApp(httpx.BaseTransport):
    """Requests of the client, answered by the application; the first `lost` answers never arrive."""

    def __init__(self, app: TestClient, lost: int = 0) -> None:
        self.app, self.lost = app, lost

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.app.request(
            request.method, str(request.url), content=request.read(), headers=dict(request.headers.items())
        )
        if self.lost:
            self.lost -= 1
            raise httpx.ReadError("the connection was reset")
        return httpx.Response(answer.status_code, headers=dict(answer.headers.items()), content=answer.content)


@pytest.fixture
def videos(client: TestClient, settings: ServiceSettings) -> Iterator[VideoClient]:
    with VideoClient(settings.url, transport=ToApp(client)) as videos:
        yield videos


def complete(engine: sa.Engine, settings: ServiceSettings, video_id: str) -> None:
    assert queue.claim(engine, "w", 60) is not None
    path = settings.root / result_path(video_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"a clip")
    assert queue.complete(engine, video_id, "w", result_path=result_path(video_id), result_sha256="0" * 64)


def test_a_video_is_asked_for_awaited_kept_and_removed(
    videos: VideoClient, engine: sa.Engine, settings: ServiceSettings, tmp_path: Path, row: Callable[[str], Job]
) -> None:
    image = tmp_path / "first.png"
    image.write_bytes(base64.b64decode(png()))
    made = videos.create("a red ball", seed=3, steps=2, input_reference=image)
    assert (made.status, made.seed, made.is_finished) == ("queued", 3, False)
    assert list(row(made.id).request["inputs"]) == ["image"]
    complete(engine, settings, made.id)
    assert videos.wait(made.id, timeout_s=5).status == "completed"
    videos.download(made.id, tmp_path / "ball.mp4")
    assert (tmp_path / "ball.mp4").read_bytes() == b"a clip"
    assert videos.remix(made.id, "a green box").remixed_from_video_id == made.id
    videos.delete(made.id)
    with pytest.raises(ServiceRefused, match="is not known here") as refused:
        videos.get(made.id)
    assert (refused.value.status, refused.value.code) == (404, "not_found")


def test_the_key_comes_from_the_environment_and_is_not_repeated(
    client: TestClient, engine: sa.Engine, settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, token = create_key(engine, "anna", ["create", "read"])
    with VideoClient(settings.url, transport=ToApp(client)) as videos, pytest.raises(ServiceRefused) as refused:
        videos.create("a")
    assert (refused.value.status, refused.value.code) == (401, "missing_api_key")
    monkeypatch.setenv("MOVA_API_KEY", f"{token}\n")
    with VideoClient(settings.url, transport=ToApp(client)) as videos:
        assert videos.create("a").status == "queued"
    with pytest.raises(UsageError, match="holds characters that no key has") as odd:
        VideoClient(settings.url, key="mova_é")
    assert "é" not in str(odd.value)


def test_a_list_goes_over_pages(videos: VideoClient, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [videos.create("a").id for _ in range(5)][::-1]
    assert [video.id for video in videos.list()] == ids
    assert [video.id for video in videos.list(limit=3)] == ids[:3]
    assert videos.cancel(ids[0]).status == "cancelled"
    assert videos.plan("a")["seconds"] == "2.0625"


def test_a_request_whose_answer_was_lost_makes_one_video(
    client: TestClient, settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PAUSES_S", (0,))
    with VideoClient(settings.url, transport=ToApp(client, lost=1)) as videos:
        made = videos.create("a")
        assert [video.id for video in videos.list()] == [made.id]


def test_where_nobody_answers_or_nothing_is_an_address_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PAUSES_S", ())
    with pytest.raises(ServiceUnreachable, match="does not answer"):
        VideoClient("http://127.0.0.1:1").get("x")
    with pytest.raises(MovaError, match="does not answer"):
        VideoClient("no address").get("x")
    with pytest.raises(UsageError, match="cannot be read"):
        VideoClient().create("a", input_reference=Path("/nowhere.png"))


def test_commands_tell_people_and_machines(
    videos: VideoClient, engine: sa.Engine, settings: ServiceSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_client", lambda url: videos)
    monkeypatch.setattr(VideoClient, "close", lambda self: None)
    app = typer.Typer()
    app.add_typer(commands.video, name="video")

    def mova(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["video", *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    made = json.loads(mova("create", "a red ball", "--field", "steps=2", "--json"))
    assert made["status"] == "queued" and made["id"] in mova("list")
    complete(engine, settings, made["id"])
    out = tmp_path / "ball.mp4"
    assert str(out) in mova("wait", made["id"], "--out", str(out)) and out.read_bytes() == b"a clip"
    assert "completed" in mova("get", made["id"])
    other = json.loads(mova("create", "a", "--json"))["id"]
    assert "cancelled" in mova("cancel", other)
    assert CliRunner().invoke(app, ["video", "wait", other]).exit_code == 1
    assert CliRunner().invoke(app, ["video", "create", "a", "--field", "steps"]).exit_code == 2
