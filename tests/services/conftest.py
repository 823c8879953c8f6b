"""A packaged nano model, and for each test a project with a free port and a registry of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
import torch
from fastapi.testclient import TestClient

from mova_core.geometry import GEOMETRIES
from mova_core.model.pretrained.index import FolderIndex
from mova_core.params import Params
from mova_core.params.generate import GenerateParams
from mova_core.params.model import ServeParams
from mova_core.ports import free_port
from mova_core.registry.aliases import set_alias
from mova_core.registry.database.connection import open_database, reading, writing
from mova_core.registry.database.tables import Checkpoint, Job
from services.api.app import create_app
from services.jobs.inputs import JobInputs
from services.packaging.package import Reference, package
from services.requests.checker import RequestChecker
from services.requests.video_request import MODEL_NAME
from services.settings import ServiceSettings


@pytest.fixture(scope="package", autouse=True)
def own_environment() -> Iterator[None]:
    """Nothing of the caller's settings, and one thread: the models here are so small that a second one only waits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MOVA_DATABASE_URL", "MOVA_ROOT", "MOVA_SERVE_PARAMS", "MOVA_VERIFIED", "MOVA_API_KEY"):
            patch.delenv(name, raising=False)
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained nano model of 2 steps whose codecs were fitted on a few made clips."""
    from mova_core.flow_matching import BOUNDARY_RATIO
    from mova_core.model.codecs.nano.audio import NanoAudioCodec
    from mova_core.model.codecs.nano.codec import NanoCodec
    from mova_core.model.codecs.nano.video import NanoVideoCodec
    from mova_core.model.model_folder import new_components, save_components
    from mova_core.model.nano_folder import write_nano_parts
    from mova_core.model.pretrained.frozen_parts import FrozenParts
    from mova_core.model.weights.fresh import preset_dual_tower
    from mova_core.synthetic.world import KINDS, draw_take, render_audio, render_frames

    rng = np.random.default_rng(5)
    takes = [draw_take(rng, kind, 1.0) for kind in KINDS]
    frames = [torch.from_numpy(np.stack(list(render_frames(take, 16, 9, 48)))) for take in takes]
    videos = [(clip.permute(3, 0, 1, 2)[None].float() / 127.5) - 1 for clip in frames]
    waveforms = [torch.from_numpy(render_audio(take, 16_000, 8000))[None] for take in takes]
    codec = NanoCodec(NanoVideoCodec.fit(lambda: videos, 16), NanoAudioCodec.fit(lambda: waveforms, 320, 16))
    folder = tmp_path_factory.mktemp("model") / "phase3"
    generate, known = GenerateParams(steps=2), ["red ball", "wooden knock"]
    parts = tmp_path_factory.mktemp("parts")
    write_nano_parts(parts, codec)
    components = new_components(
        preset_dual_tower(Params(seed=3)),
        FrozenParts.open(parts),
        GEOMETRIES["nano-48"],
        generate,
        BOUNDARY_RATIO,
        known,
    )
    save_components(components, folder)
    return folder


@pytest.fixture(scope="session")
def dist(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That model, packaged. Tests only read it."""
    folder = tmp_path_factory.mktemp("dist") / "bento"
    package(model_folder, folder)
    return folder


@pytest.fixture(scope="session")
def new_settings() -> Callable[[Path], ServiceSettings]:
    """Function that makes the settings of a project's folder: a free port, and short waits."""

    def settings_of(folder: Path) -> ServiceSettings:
        return ServiceSettings(folder, ServeParams(port=free_port(), lease_s=2.0, poll_s=0.05))

    return settings_of


@pytest.fixture
def settings(new_settings: Callable[[Path], ServiceSettings], tmp_path: Path) -> ServiceSettings:
    """A project's folder and a free port."""
    return new_settings(tmp_path)


@pytest.fixture
def engine(settings: ServiceSettings) -> Iterator[sa.Engine]:
    """The registry of that project."""
    engine = open_database(settings.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def row(engine: sa.Engine) -> Callable[[str], Job]:
    """Function that reads a job's whole row."""

    def read(job_id: str) -> Job:
        with reading(engine) as session:
            job = session.get_one(Job, job_id)
            session.expunge(job)
            return job

    return read


@pytest.fixture
def inputs(settings: ServiceSettings) -> JobInputs:
    """The files that jobs of that project are made from."""
    return JobInputs.of_project(settings.root)


@pytest.fixture
def client(engine: sa.Engine, settings: ServiceSettings, model_folder: Path) -> Iterator[TestClient]:
    """The API of that project, without a server and without a generator."""
    checker = RequestChecker(FolderIndex.read(model_folder), {MODEL_NAME}, max_seconds=10)
    with TestClient(create_app(engine, checker, settings), base_url=settings.url) as client:
        yield client


@pytest.fixture(scope="session")
def promoted(dist: Path) -> Callable[[sa.Engine], None]:
    """Function that gives `production` to the packaged model, and `other` to another one."""

    def promote(engine: sa.Engine) -> None:
        checkpoint_id = Reference.read(dist).checkpoint_id
        with writing(engine) as session:
            session.add_all([Checkpoint(checkpoint_id=name, phase="phase3") for name in (checkpoint_id, "f" * 16)])
            session.flush()
            set_alias(session, "other", "f" * 16, None)
            set_alias(session, "production", checkpoint_id, None)

    return promote
