"""The packaged service as a whole, over HTTP: the openai package against it, killed, altered, deployed."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.errors import StaleError, UsageError
from mova_core.media.provenance import Provenance, write_provenance
from mova_core.registry.aliases import set_alias
from mova_core.registry.database import writing
from mova_core.registry.tables import Checkpoint
from mova_core.sampling.clip_file import write_clip
from mova_core.sampling.pipeline import MovaPipeline
from services import jobs
from services.deploy import DEPLOYMENT, deploy
from services.package import SMOKE, Reference, source_folder
from services.process import end, serve_command
from services.settings import ServiceSettings

WITHIN_S = 60.0


@pytest.mark.filterwarnings("ignore:The Sora API")
def test_the_openai_package_gets_the_pipeline_s_bytes_also_after_a_kill(
    serve: Callable[[], Any], dist: Path, engine: sa.Engine, tmp_path: Path
) -> None:
    import openai

    served = serve()
    client = openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0)
    video = client.videos.create_and_poll(prompt="a green box", seconds="2", extra_body={"seed": 11})  # type: ignore
    assert video.status == "completed"
    got = client.videos.download_content(video.id).read()
    pipeline = MovaPipeline.from_pretrained(source_folder(dist) / "model")
    output = pipeline("a green box", seed=11, frames=33)
    write_clip(tmp_path / "own.mp4", output.video, output.audio, output.geometry, pipeline.defaults.enlarge)
    write_provenance(tmp_path / "own.mp4", Provenance(Reference.read(dist).checkpoint_id))
    assert got == (tmp_path / "own.mp4").read_bytes()
    with pytest.raises(openai.BadRequestError, match="the prompt is empty"):
        client.videos.create(prompt=" ")

    waiting = [client.videos.create(prompt="a", extra_body={"seed": seed, "steps": 40}).id for seed in range(2)]
    wait_for(lambda: job(engine, waiting[0]).status == "in_progress")
    served.kill()
    assert [job(engine, job_id).status for job_id in waiting] == ["in_progress", "queued"]
    serve()
    wait_for(lambda: all(job(engine, job_id).status == "completed" for job_id in waiting))
    assert client.videos.delete(waiting[0]).deleted
    assert not list(tmp_path.rglob(f"{waiting[0]}*"))


def test_bentoml_serve_itself_refuses_an_altered_weight(dist: Path, settings: ServiceSettings, tmp_path: Path) -> None:
    import shutil

    copy = Path(shutil.copytree(dist, tmp_path / "copy"))
    path = source_folder(copy) / "model/audio_dit/diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    done = subprocess.run(
        serve_command(copy, settings), cwd=copy, env=settings.environment(), capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 1
    assert "audio_dit/diffusion_pytorch_model.safetensors is not the file that was packaged" in done.stderr
    assert "Traceback" not in done.stderr


def test_deploy_serves_what_is_promoted_in_place_of_the_one_before(
    dist: Path, settings: ServiceSettings, engine: sa.Engine
) -> None:
    checkpoint = Reference.read(dist).checkpoint_id
    with pytest.raises(UsageError, match="alias 'production' names no checkpoint"):
        deploy(dist, "production", settings)
    with writing(engine) as session:
        session.add_all([Checkpoint(checkpoint_id=name, phase="phase3") for name in (checkpoint, "f" * 16)])
        session.flush()
        set_alias(session, "other", "f" * 16, None)
        set_alias(session, "production", checkpoint, None)
    with pytest.raises(StaleError, match="alias 'other' names checkpoint f"):
        deploy(dist, "other", settings)
    first = deploy(dist, "production", settings)
    second = deploy(dist, "production", settings)  # on the same port: the first made room
    try:
        assert first["pid"] != second["pid"]
        assert job(engine, second["smoke_video"]).request["prompt"] == SMOKE["prompt"]
        assert (settings.root / DEPLOYMENT).is_file()
    finally:
        end(second["pid"])


def job(engine: sa.Engine, job_id: str) -> Any:
    return jobs.find(engine, job_id)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
