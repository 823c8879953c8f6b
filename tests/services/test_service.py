"""The packaged service as a whole, deployed, over HTTP: the openai package against it, killed, altered, damaged."""

import base64
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import sqlalchemy as sa

from mova_core.marking.unmarked import without_manifest
from mova_core.registry.database.connection import open_database, reading
from mova_core.registry.database.key_tables import KeyEvent
from mova_core.registry.database.tables import Job
from mova_core.sampling.generate import generate
from mova_core.sampling.request.request import Request
from mova_core.sampling.request.wanted import Wanted
from services.deploying.deploy import deploy, stop
from services.deploying.deployment import DEPLOYMENT, running_deployment
from services.deploying.process import serve_command
from services.jobs import queue
from services.keys.caller import SMOKE_OWNER
from services.keys.keys import create_key, list_keys
from services.packaging.package import SMOKE, Reference, source_folder
from services.settings import ServiceSettings
from tests.services.api.test_app import png

WITHIN_S = 60.0


@pytest.fixture(scope="module")
def project(
    new_settings: Callable[[Path], ServiceSettings],
    promoted: Callable[[sa.Engine], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ServiceSettings]:
    """One project for all tests here; what is deployed in it at the end is stopped."""
    settings = new_settings(tmp_path_factory.mktemp("project"))
    engine = open_database(settings.database_url)
    promoted(engine)
    engine.dispose()
    yield settings
    stop(settings.root)


@pytest.fixture
def engine(project: ServiceSettings) -> Iterator[sa.Engine]:
    """That project's registry."""
    engine = open_database(project.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def deployed(dist: Path, project: ServiceSettings) -> dict[str, Any]:
    """The service, deployed: the one of the test before, if it still works."""
    return deploy("production", project, dist)


def videos(deployed: dict[str, Any]) -> list[str]:
    """Ids that the service lists."""
    return [video["id"] for video in json.loads(answer(f"{deployed['url']}/v1/videos")[1])["data"]]


@pytest.fixture
def client(deployed: dict[str, Any]) -> Any:
    """The openai package, pointed at it."""
    import openai

    return openai.OpenAI(base_url=f"{deployed['url']}/v1", api_key="none", max_retries=0)


def test_deploy_makes_the_smoke_clip_and_keeps_a_service_that_is_the_wanted_one(
    deployed: dict[str, Any], dist: Path, project: ServiceSettings, engine: sa.Engine
) -> None:
    again = deploy("production", project)  # the package that the deployment before kept
    assert again["kept"] and again["pid"] == deployed["pid"] and "already serves" in again["text"]
    assert not {again["smoke_video"], deployed["smoke_video"]} & set(videos(deployed))
    assert again["smoke_video"] != deployed["smoke_video"]
    assert job(engine, again["smoke_video"]).request["prompt"] == SMOKE["prompt"]
    assert running_deployment(project.root) is not None


@pytest.mark.filterwarnings("ignore:The Sora API")
def test_the_openai_package_gets_the_bytes_of_the_command_line(
    client: Any, dist: Path, engine: sa.Engine, tmp_path: Path
) -> None:
    import openai

    video = client.videos.create_and_poll(prompt="a green box", seconds="2", extra_body={"seed": 11})
    assert video.status == "completed"
    got = client.videos.download_content(video.id).read()
    wanted, folder = Wanted("own", "a green box", 11), source_folder(dist) / "model"
    generate(Request.check(folder, [wanted], tmp_path, changes={"frames": 33}), Reference.read(dist).checkpoint_id)
    assert without_manifest(got) == (tmp_path / "own.mp4").read_bytes() != got
    assert client.videos.download_content(video.id, variant="thumbnail").read()[8:12] == b"WEBP"
    # The package sends files alone here: an id, which its types allow, it refuses by itself.
    longer = client.videos.extend(prompt="a green box", seconds="2", video=got)
    remixed = client.videos.remix(video.id, prompt="a red ball")
    edited = client.videos.edit(prompt="a red ball", video=got, extra_body={"retake": "0.5:1"})
    done = [client.videos.poll(made.id) for made in (longer, remixed, edited)]
    assert [each.status for each in done] == ["completed"] * 3, [each.error for each in done]
    assert done[1].remixed_from_video_id == video.id
    listed = [each.id for each in client.videos.list(limit=2)]  # over as many pages as there are
    assert listed[:4] == [edited.id, remixed.id, longer.id, video.id]
    assert next(iter(client.models.list())).id == "mova"
    with pytest.raises(openai.BadRequestError, match="the prompt is empty"):
        client.videos.create(prompt=" ")


def test_a_plain_http_client_gets_a_clip_by_a_form_by_events_and_by_waiting(deployed: dict[str, Any]) -> None:
    with httpx.Client(base_url=deployed["url"], timeout=WITHIN_S) as http:
        form = {"prompt": "a green box", "steps": "2", "seed": "5"}
        made = http.post("/v1/videos", data=form, files={"input_reference": ("first.png", base64.b64decode(png()))})
        assert made.status_code == 201, made.text
        with http.stream("GET", f"/v1/videos/{made.json()['id']}/events") as events:
            told = [json.loads(line[6:]) for line in events.iter_lines() if line.startswith("data: {")]
        assert told[-1]["status"] == "completed", told[-1]
        content = f"/v1/videos/{made.json()['id']}/content"
        whole, head = http.get(content), http.head(content)
        part = http.get(content, headers={"range": "bytes=4-7"})
        assert (part.status_code, part.content) == (206, b"ftyp") and head.headers["content-length"] == str(
            len(whole.content)
        )
        waited = http.post("/v1/videos", json={"prompt": "a", "steps": 1}, headers={"prefer": "wait=60"})
        assert (waited.status_code, waited.json()["status"]) == (200, "completed")
        chunked = http.post("/v1/videos", content=iter([b" "] * 2), headers={"content-type": "application/json"})
        assert chunked.status_code == 400 and chunked.headers["x-request-id"]
        assert http.get("/v1/videos", headers={"host": "evil.example"}).status_code == 421


@pytest.mark.filterwarnings("ignore:The Sora API")
def test_a_killed_service_finishes_its_queue_once_it_is_deployed_again(
    deployed: dict[str, Any], client: Any, dist: Path, project: ServiceSettings, engine: sa.Engine
) -> None:
    # The first one lasts long enough to be killed at.
    waiting = [client.videos.create(prompt="a", extra_body={"seed": 0, "steps": steps}).id for steps in (40, 1)]
    wait_for(lambda: job(engine, waiting[0]).status == "in_progress")
    kill(deployed["pid"])
    assert [job(engine, job_id).status for job_id in waiting] == ["in_progress", "queued"]
    again = deploy("production", project, dist)
    assert not again["kept"] and again["pid"] != deployed["pid"]
    wait_for(lambda: all(job(engine, job_id).status == "completed" for job_id in waiting))
    assert [job(engine, job_id).attempts for job_id in waiting] == [2, 1]
    assert client.videos.delete(waiting[0]).deleted
    assert not list(project.root.rglob(f"{waiting[0]}*"))


def test_a_generator_whose_thread_ended_is_not_ready_and_says_why(deployed: dict[str, Any], engine: sa.Engine) -> None:
    assert answer(f"{deployed['url']}/readyz")[0] == 200
    damaged = "INSERT INTO jobs (job_id, status, request, progress, created_at) VALUES ('damaged', 'queued', '{', 0, 0)"
    with engine.begin() as connection:
        connection.exec_driver_sql(damaged)  # a row that no worker can read
    try:
        wait_for(lambda: answer(f"{deployed['url']}/readyz")[0] != 200)
        status, reason = answer(f"{deployed['url']}/readyz")
        assert status == 503 and "the generator's thread has ended" in reason
        assert answer(f"{deployed['url']}/livez")[0] == 200
        status, reason = answer(f"{deployed['url']}/v1/videos")
        assert status == 500 and "internal_error" in reason and "JSON" not in reason
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM jobs WHERE job_id = 'damaged'")


def test_bentoml_serve_itself_refuses_an_altered_weight(dist: Path, settings: ServiceSettings, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(dist, tmp_path / "copy"))
    path = source_folder(copy) / "model/audio_dit/diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    done = subprocess.run(
        serve_command(copy, settings), cwd=copy, env=settings.environment(), capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 1
    assert "audio_dit/diffusion_pytorch_model.safetensors has sha256" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore:The Sora API")
def test_a_job_whose_generator_is_killed_each_time_fails_and_the_next_one_is_made(
    deployed: dict[str, Any], client: Any, engine: sa.Engine
) -> None:
    deadly = client.videos.create(prompt="a", extra_body={"steps": 1000}).id
    harmless = client.videos.create(prompt="b").id
    for attempt in range(1, queue.MAX_ATTEMPTS + 1):
        wait_for(lambda attempt=attempt: job(engine, deadly).attempts == attempt)
        (generator,) = (
            process
            for process in psutil.Process(deployed["pid"]).children(recursive=True)
            if "mova-generator" in process.cmdline()
        )
        generator.kill()  # as the system does where memory runs out; BentoML starts it anew
    wait_for(lambda: job(engine, harmless).status == "completed")
    assert job(engine, deadly).status == "failed"
    assert "3 workers were killed" in client.videos.retrieve(deadly).error.message


def test_a_service_with_keys_is_checked_with_one_that_ends_with_the_check(
    deployed: dict[str, Any], project: ServiceSettings, engine: sa.Engine
) -> None:
    """The last one here: from now on every request needs a key."""
    key, token = create_key(engine, "anna", ["read"])
    again = deploy("production", project)
    assert again["kept"] and again["pid"] == deployed["pid"]
    assert job(engine, again["smoke_video"]).owner == SMOKE_OWNER and list_keys(engine) == [key]
    with reading(engine) as session:
        events = session.execute(sa.select(KeyEvent.event, KeyEvent.key_id).order_by(KeyEvent.event_id)).all()
    (_, made), (what, revoked) = events[1:]
    assert (what, revoked) == ("revoked", made) and made != key.key_id
    assert answer(f"{deployed['url']}/v1/videos")[0] == 401
    request = urllib.request.Request(f"{deployed['url']}/v1/videos", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as got:
        assert json.load(got)["data"] == []
    assert "mova_" not in (project.root / DEPLOYMENT).read_text()


def kill(pid: int) -> None:
    """SIGKILL for a service and all of its processes at once, as when the machine fails."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in family:
        os.kill(process.pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    psutil.wait_procs(family)


def answer(url: str) -> tuple[int, str]:
    """Status and text."""
    try:
        with urllib.request.urlopen(url, timeout=30) as got:
            return got.status, got.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def job(engine: sa.Engine, job_id: str) -> Any:
    with reading(engine) as session:
        return session.get(Job, job_id)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
