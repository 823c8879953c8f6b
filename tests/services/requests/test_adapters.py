"""LoRA adapters that a deployment offers: asked for by name alone, in force for one request, told in the clip."""

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
import torch
from fastapi.testclient import TestClient
from safetensors.torch import save_file

from mova_core.errors import MovaError, UsageError
from mova_core.media.provenance import read_provenance
from mova_core.model.model_folder import load_components
from mova_core.model.pretrained.index import FolderIndex
from mova_core.params.model import ServeParams
from mova_core.places import ADAPTERS
from mova_core.sampling.clip_generator import ClipGenerator
from mova_core.sampling.generate import generate
from mova_core.sampling.request.prompt_file import Wanted
from mova_core.sampling.request.request import Request
from services.api.app import create_app
from services.jobs.inputs import JobInputs
from services.jobs.render import Renderer
from services.jobs.view import find
from services.jobs.worker import Worker
from services.requests.adapters import asked_for, loaded, offered
from services.requests.checker import RequestChecker
from services.requests.video_request import MODEL_NAME
from services.settings import ServiceSettings

CHECKPOINT = "0123456789abcdef"


def write_adapter(folder: Path, seed: int, width: int = 96) -> None:
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for expert in ("video_dit", "video_dit_2"):
        layer = f"{expert}.blocks.0.self_attn.v"
        tensors[f"{layer}.lora_A.weight"] = torch.randn(2, width, generator=generator)
        tensors[f"{layer}.lora_B.weight"] = torch.randn(width, 2, generator=generator)
    folder.mkdir(parents=True)
    save_file(tensors, folder / "adapter_model.safetensors")


@pytest.fixture
def offering(settings: ServiceSettings) -> ServiceSettings:
    """A project whose deployment offers two of its three adapters."""
    for seed, name in enumerate(("warm", "cold", "secret")):
        write_adapter(settings.root / ADAPTERS / name, seed)
    return replace(settings, params=settings.params.model_copy(update={"loras": ("warm", "cold")}))


def queued(engine: sa.Engine, lora: str | None, model_folder: Path, offering: ServiceSettings) -> str:
    names = {name: lora_file.trained_on for name, lora_file in offered(offering, model_folder).items()}
    checker = RequestChecker(FolderIndex.read(model_folder), {MODEL_NAME}, 10, names)
    client = TestClient(create_app(engine, checker, offering), base_url=offering.url)
    answer = client.post("/v1/videos", json={"prompt": "a red ball", "seed": 4} | ({"lora": lora} if lora else {}))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_a_request_s_adapters_are_those_of_the_command_line_and_leave_no_trace(
    engine: sa.Engine,
    model_folder: Path,
    offering: ServiceSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    model = load_components(model_folder)
    adapters, inputs = loaded(model, offered(offering, model_folder)), JobInputs.of_project(offering.root)
    worker = Worker(engine, Renderer(ClipGenerator(model), CHECKPOINT, adapters=adapters), inputs, offering)
    folder = offering.root / ADAPTERS
    for name, lora, wanted in (
        ("before", None, []),
        ("both", "warm=0.5,cold", [(folder / "cold", 1.0), (folder / "warm", 0.5)]),
        ("one", "warm", [(folder / "warm", 1.0)]),
        ("after", None, []),
    ):
        job_id = queued(engine, lora, model_folder, offering)
        assert worker.work_once()
        job = find(engine, job_id)
        assert job is not None and job.result_path is not None, job and job.error
        request = Request.check(model_folder, [Wanted(name, "a red ball", 4)], tmp_path, loras=wanted)
        generate(request, CHECKPOINT)
        assert (offering.root / job.result_path).read_bytes() == (tmp_path / f"{name}.mp4").read_bytes(), name
    provenance = read_provenance(tmp_path / "both.mp4")
    assert provenance is not None and sorted(used.scale for used in provenance.loras) == [0.5, 1.0]
    assert (tmp_path / "before.mp4").read_bytes() == (tmp_path / "after.mp4").read_bytes()
    assert (tmp_path / "before.mp4").read_bytes() != (tmp_path / "one.mp4").read_bytes()


@pytest.mark.parametrize(
    ("lora", "said"),
    [
        ("secret", "lora names 'secret', which is not offered here: expected cold or warm"),
        ("../secret", "lora names '../secret', which is not offered"),
        ("models/lora/warm", "which is not offered"),
        ("/etc/passwd=1", "lora names '/etc/passwd', which is not offered"),
        ("warm,warm=2", "lora names warm twice"),
        ("warm=much", "lora gives warm the weight 'much'"),
        ("warm=0", "weight of adapter warm is 0"),
        ("warm=nan", "weight of adapter warm is nan"),
        ("", "lora names '', which is not offered"),
    ],
)
def test_nothing_but_an_offered_name_is_taken(lora: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("(", r"\(")):
        asked_for(lora, {"warm": [], "cold": []})


def test_where_none_is_offered_a_request_for_one_is_refused(
    engine: sa.Engine, settings: ServiceSettings, model_folder: Path
) -> None:
    checker = RequestChecker(FolderIndex.read(model_folder), {MODEL_NAME}, 10)
    client = TestClient(create_app(engine, checker, settings), base_url=settings.url)
    answer = client.post("/v1/videos", json={"prompt": "a red ball", "lora": "warm"})
    assert answer.status_code == 400 and "this service offers no adapter" in answer.text


def test_a_job_whose_adapter_is_no_longer_offered_fails_with_its_sentence(
    engine: sa.Engine, model_folder: Path, offering: ServiceSettings
) -> None:
    job_id = queued(engine, "warm", model_folder, offering)
    renderer = Renderer(ClipGenerator(load_components(model_folder)), CHECKPOINT)
    worker = Worker(engine, renderer, JobInputs.of_project(offering.root), offering)
    assert worker.work_once()
    job = find(engine, job_id)
    assert job is not None and job.status == "failed" and "warm is no longer offered" in str(job.error)


def test_an_adapter_that_does_not_fit_keeps_a_service_from_starting(
    offering: ServiceSettings, model_folder: Path
) -> None:
    write_adapter(offering.root / ADAPTERS / "small", 3, width=24)
    for name, said in (("small", "another size"), ("none", "is missing")):
        wrong = replace(offering, params=offering.params.model_copy(update={"loras": (name,)}))
        with pytest.raises(MovaError, match=f"serve.loras names {name}: .*{said}"):
            offered(wrong, model_folder)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a=b"])
def test_names_are_no_paths(name: str) -> None:
    with pytest.raises(ValueError, match="loras"):
        ServeParams(loras=(name,))
