"""The worker: the pipeline's bytes, nothing left of what was deleted, and a sentence where a clip cannot be made."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from PIL import Image

from mova_core.marking.credential import CHAIN_VARIABLE, KEY_VARIABLE
from mova_core.marking.manifest import read_manifest
from mova_core.marking.unmarked import without_manifest
from mova_core.media.provenance import read_provenance
from mova_core.model.model_folder import load_components
from mova_core.registry.database.connection import writing
from mova_core.registry.database.tables import Job
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.generate import generate
from mova_core.sampling.pipeline import MovaPipeline
from mova_core.sampling.request.request import Request
from mova_core.sampling.request.wanted import Given, Wanted
from mova_core.storage.hashing import sha256_file
from services.jobs import previews, queue
from services.jobs import worker as worker_module
from services.jobs.inputs import JobInputs
from services.jobs.marking import ClipMarker
from services.jobs.previews import find_preview
from services.jobs.render import Renderer
from services.jobs.results import VARIANTS, result_path
from services.jobs.submission import NewJob, submit
from services.jobs.view import find
from services.jobs.worker import Worker
from services.settings import ServiceSettings
from tests.mova_core.sampling.flat_model import flat_copy

CHECKPOINT = "0123456789abcdef"
REQUEST = {"prompt": "a red ball", "negative_prompt": "", "seed": 4, "changes": {"steps": 2}}


@pytest.fixture(scope="module")
def pipeline(model_folder: Path) -> MovaPipeline:
    return MovaPipeline.from_pretrained(model_folder)


@pytest.fixture
def worker(engine: sa.Engine, pipeline: MovaPipeline, inputs: JobInputs, settings: ServiceSettings) -> Worker:
    return Worker(engine, Renderer(pipeline.clip_generator, CHECKPOINT, inputs), inputs, settings, "mova:1")


@pytest.mark.parametrize("with_image", [False, True])
def test_a_job_becomes_the_clip_that_the_command_line_makes_of_the_same_request(
    engine: sa.Engine,
    model_folder: Path,
    settings: ServiceSettings,
    worker: Worker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    inputs: JobInputs,
    row: Callable[[str], Job],
    with_image: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    first = tmp_path / "first.png"
    Image.new("RGB", (64, 64), (200, 30, 30)).save(first)
    given = {"image": inputs.put(first.read_bytes())} if with_image else {}
    job_id = submit(engine, NewJob(REQUEST, given), 9, inputs)[0].job_id
    assert worker.work_once() and not worker.work_once()
    job = row(job_id)
    assert job.status == "completed" and job.result_path is not None, job.error
    served = settings.root / job.result_path
    wanted = Wanted("own", "a red ball", 4, Given(image=first if with_image else None))
    generate(Request.check(model_folder, [wanted], tmp_path, changes={"steps": 2}), CHECKPOINT)
    assert served.read_bytes() == (tmp_path / "own.mp4").read_bytes()
    provenance = read_provenance(served)
    assert provenance is not None and provenance.checkpoint_id == CHECKPOINT
    assert provenance.recipe is not None and provenance.recipe.seed == 4
    assert list(provenance.recipe.inputs) == (["image"] if with_image else [])
    assert (job.checkpoint_id, job.bento) == (CHECKPOINT, "mova:1")


def test_a_marked_clip_is_the_same_clip_signed_and_keeps_the_marking_of_its_input(
    engine: sa.Engine,
    pipeline: MovaPipeline,
    inputs: JobInputs,
    settings: ServiceSettings,
    row: Callable[[str], Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (KEY_VARIABLE, CHAIN_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    assert settings.params.mark == "c2pa"
    renderer, marker = Renderer(pipeline.clip_generator, CHECKPOINT, inputs), ClipMarker.of(settings, inputs)
    plain, marking = (Worker(engine, renderer, inputs, settings, marker=each) for each in (None, marker))
    first, second = (submit(engine, NewJob(REQUEST), 9)[0].job_id for _ in range(2))
    assert plain.work_once() and marking.work_once()
    unmarked, marked = ((settings.root / result_path(job_id)) for job_id in (first, second))
    assert row(second).result_sha256 == sha256_file(marked)
    assert without_manifest(marked.read_bytes()) == unmarked.read_bytes() != marked.read_bytes()
    manifest = read_manifest(marked)
    assert manifest is not None and manifest.state == "valid" and manifest.generation is not None
    assert manifest.generation["checkpoint_id"] == CHECKPOINT and manifest.ingredients == ()

    given = {"video": inputs.put(marked.read_bytes())}
    third = submit(engine, NewJob(REQUEST, given), 9, inputs)[0].job_id
    assert marking.work_once()
    job = row(third)
    assert job.status == "completed", job.error
    made_from = read_manifest(settings.root / result_path(third))
    assert made_from is not None and [(each.title, each.state) for each in made_from.ingredients] == [
        ("video", "valid")
    ]


def test_a_job_deleted_between_two_steps_stops_and_leaves_nothing(
    engine: sa.Engine, settings: ServiceSettings, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = submit(engine, NewJob(REQUEST | {"changes": {"steps": 50}}), 9)[0].job_id
    renew, steps = queue.renew, []

    def delete_at_the_second(*arguments: object) -> bool:
        if arguments[-1] is not None:  # after a step; without a progress it is the thread that keeps the lease
            steps.append(arguments)
        if len(steps) == 2:
            worker.removal.remove(job_id)
        return renew(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(queue, "renew", delete_at_the_second)
    assert worker.work_once()
    assert len(steps) == 2
    assert list(settings.root.rglob("*.mp4")) == []


def test_what_cannot_be_made_fails_with_its_sentence_and_the_queue_goes_on(engine: sa.Engine, worker: Worker) -> None:
    wrong = submit(engine, NewJob(REQUEST | {"prompt": ""}), 9)[0].job_id
    broken = submit(engine, NewJob({"changes": {}}), 9)[0].job_id
    right = submit(engine, NewJob(REQUEST), 9)[0].job_id
    while worker.work_once():
        pass
    found = [find(engine, job_id) for job_id in (wrong, broken, right)]
    assert [job and job.status for job in found] == ["failed", "failed", "completed"]
    assert "the prompt is empty" in str(found[0] and found[0].error)
    assert found[1] is not None and (found[1].error_code, found[1].error) == ("internal_error", "KeyError: 'prompt'")


def test_a_worker_that_is_stopped_puts_its_job_back(
    engine: sa.Engine, worker: Worker, row: Callable[[str], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = submit(engine, NewJob(REQUEST | {"changes": {"steps": 1000}}), 9)[0].job_id
    renew = queue.renew

    def stop_at_the_first(*arguments: object) -> bool:
        worker._stop.set()
        return renew(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(queue, "renew", stop_at_the_first)
    worker.start()
    worker.stop()
    job = row(job_id)
    assert job.status == "queued" and job.worker is None


def test_a_clip_that_collapses_with_every_seed_is_made_and_told(
    engine: sa.Engine,
    model_folder: Path,
    settings: ServiceSettings,
    inputs: JobInputs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = load_components(flat_copy(model_folder, tmp_path / "flat"))
    worker = Worker(engine, Renderer(ClipGenerator(model), CHECKPOINT), inputs, settings)
    shown, renew = [], queue.renew

    def noted(*arguments: object) -> bool:
        shown.append(arguments[-1])
        return renew(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(queue, "renew", noted)
    changes = {"steps": 2, "retries": 2}
    job_id = submit(engine, NewJob(REQUEST | {"changes": changes}), 9)[0].job_id
    assert worker.work_once()
    job = find(engine, job_id)
    assert job is not None and job.status == "completed" and job.result_path is not None and job.outcome is not None
    told = [percent for percent in shown if percent is not None]
    assert len(told) == 6 and told == sorted(told)  # the steps of a further seed take nothing back
    fault = "the video is one flat colour in 100% of its frames"
    assert job.outcome["tries"] == [{"seed": seed, "faults": [fault]} for seed in (4, 1004, 2004)]
    (warning,) = job.outcome["warnings"]
    assert fault in warning and "kept as it is" in warning
    provenance = read_provenance(settings.root / job.result_path)
    assert provenance is not None and provenance.recipe is not None
    assert [tried.seed for tried in provenance.tries] == [4, 1004, 2004] and provenance.recipe.seed == 4


def test_a_finished_clip_can_be_had_in_every_form_and_all_of_it_goes_when_it_was_kept_long_enough(
    engine: sa.Engine, worker: Worker, settings: ServiceSettings, inputs: JobInputs, client: TestClient
) -> None:
    frame = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 30, 30)).save(frame, "PNG")
    sha256 = inputs.put(frame.getvalue())
    shown = REQUEST | {"seconds": "1", "size": "384x384"}
    job_id = submit(engine, NewJob(shown, {"image": sha256}), 9, inputs)[0].job_id
    content = f"/v1/videos/{job_id}/content"
    assert client.get(content).status_code == 404
    assert worker.work_once()
    for name, variant in VARIANTS.items():
        answer = client.get(content, params={"variant": name})
        assert (answer.status_code, answer.headers["content-type"]) == (200, variant.media_type), answer.text
        part = client.get(content, params={"variant": name}, headers={"range": "bytes=2-5"})
        assert (part.status_code, part.content) == (206, answer.content[2:6])
    assert client.get(content, headers={"range": "bytes=99999999-"}).status_code == 416
    assert client.head(content).headers["content-length"] == str(len(client.get(content).content))
    with Image.open(io.BytesIO(client.get(content, params={"variant": "spritesheet"}).content)) as sheet:
        assert sheet.size == (5 * 192, 5 * 192)
    assert client.get(content, params={"variant": "gif"}).status_code == 400
    assert worker.removal.remove_expired() == 0
    with writing(engine) as session:
        session.execute(sa.update(Job).values(finished_at=Job.finished_at - settings.params.keep_s))
    assert worker.removal.remove_expired() == 1
    assert client.get(f"/v1/videos/{job_id}").status_code == 404
    assert not inputs.has(sha256) and not list(settings.root.rglob(f"{job_id}*"))


def test_a_job_that_is_cancelled_while_its_last_bytes_are_written_leaves_no_file(
    engine: sa.Engine, worker: Worker, settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = submit(engine, NewJob(REQUEST), 9)[0].job_id
    complete = queue.complete

    def too_late(*arguments: object, **result: object) -> bool:
        queue.cancel(engine, job_id)
        return complete(*arguments, **result)  # type: ignore[arg-type]

    monkeypatch.setattr(queue, "complete", too_late)
    assert worker.work_once()
    job = find(engine, job_id)
    assert job is not None and job.status == "cancelled" and not list(settings.root.rglob(f"{job_id}*"))


@pytest.mark.parametrize(("name", "task"), [("video", {"extend": 1}), ("audio", {}), (None, {"only": "audio"})])
def test_a_job_that_goes_on_from_a_clip_is_the_command_line_s(
    engine: sa.Engine,
    model_folder: Path,
    settings: ServiceSettings,
    worker: Worker,
    inputs: JobInputs,
    tmp_path: Path,
    name: str | None,
    task: dict[str, Any],
) -> None:
    source, changes = tmp_path / "source.mp4", {"steps": 2}
    generate(Request.check(model_folder, [Wanted("source", "a red ball", 1)], tmp_path, changes=changes), CHECKPOINT)
    given = {} if name is None else {name: inputs.put(source.read_bytes())}
    job_id = submit(engine, NewJob(REQUEST | {"task": task}, given), 9, inputs)[0].job_id
    assert worker.work_once()
    job = find(engine, job_id)
    assert job is not None and job.result_path is not None, job and job.error
    wanted = Wanted("own", "a red ball", 4, Given(**({name: source} if name else {}), **task))
    generate(Request.check(model_folder, [wanted], tmp_path, changes=changes), CHECKPOINT)
    assert (settings.root / job.result_path).read_bytes() == (tmp_path / "own.mp4").read_bytes()


def test_previews_are_small_images_that_change_no_byte_of_the_clip_and_go_with_the_job_s_end(
    engine: sa.Engine, worker: Worker, settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, shown = REQUEST | {"changes": {"steps": 5}}, []
    keep = worker_module.keep_preview

    def noted(engine: sa.Engine, job_id: str, progress: int, jpeg: bytes) -> None:
        shown.append((progress, jpeg))
        keep(engine, job_id, progress, jpeg)
        assert find_preview(engine, job_id) == (progress, jpeg)

    monkeypatch.setattr(worker_module, "keep_preview", noted)
    clips = []
    for every_s in (1000.0, 0.0):
        monkeypatch.setattr(previews, "EVERY_S", every_s)
        job_id = submit(engine, NewJob(request), 9)[0].job_id
        assert worker.work_once() and find_preview(engine, job_id) is None
        clips.append((settings.root / result_path(job_id)).read_bytes())
    assert clips[0] == clips[1] and len(shown) >= 3
    assert [progress for progress, _ in shown] == sorted({progress for progress, _ in shown})
    with Image.open(io.BytesIO(shown[-1][1])) as image:
        assert image.size == (192, 192)
