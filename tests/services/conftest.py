"""A packaged nano model, a service of it on a free port, and a registry of its own for each test."""

import contextlib
import importlib.util
import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import numpy as np
import psutil
import pytest
import sqlalchemy as sa
import torch

from mova_core.geometry import GEOMETRIES
from mova_core.params_model import GenerateParams, ServeParams
from mova_core.registry.database import open_database
from services.package import package
from services.process import end, start, wait_until_ready
from services.settings import ServiceSettings

# An empty registry on SQLite and on PostgreSQL, as the registry's own tests have it.
_spec = importlib.util.spec_from_file_location(
    "registry_fixtures", Path(__file__).parents[1] / "mova_core/registry/conftest.py"
)
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
postgresql_server, new_url, url = _fixtures.postgresql_server, _fixtures.new_url, _fixtures.url


@pytest.fixture(scope="package", autouse=True)
def own_environment() -> Iterator[None]:
    """Nothing of the caller's settings, and one thread: the models here are so small that a second one only waits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MOVA_DATABASE_URL", "MOVA_ROOT", "MOVA_SERVE_PARAMS", "MOVA_VERIFIED"):
            patch.delenv(name, raising=False)
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained nano model of 2 steps whose codecs were fitted on a few made clips."""
    from mova_core.media.bouncing import KINDS, draw_take, render_frames, render_sound
    from mova_core.model.folder import nano_components, save_components
    from mova_core.model.nano import nano_dual_tower
    from mova_core.model.nano_audio_codec import NanoAudioCodec
    from mova_core.model.nano_codec import NanoCodec
    from mova_core.model.nano_video_codec import NanoVideoCodec

    rng = np.random.default_rng(5)
    takes = [draw_take(rng, kind, 1.0) for kind in KINDS]
    frames = [torch.from_numpy(np.stack(list(render_frames(take, 16, 9, 48)))) for take in takes]
    videos = [(clip.permute(3, 0, 1, 2)[None].float() / 127.5) - 1 for clip in frames]
    sounds = [torch.from_numpy(render_sound(take, 16_000, 8000))[None] for take in takes]
    codec = NanoCodec(NanoVideoCodec.fit(lambda: videos, 16), NanoAudioCodec.fit(lambda: sounds, 320, 16))
    folder = tmp_path_factory.mktemp("model") / "phase3"
    save_components(nano_components(nano_dual_tower(3), codec, GEOMETRIES["nano-48"], GenerateParams(steps=2)), folder)
    return folder


@pytest.fixture(scope="session")
def dist(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That model, packaged. Tests only read it."""
    folder = tmp_path_factory.mktemp("dist") / "bento"
    package(model_folder, folder)
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    """A project's folder and a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return ServiceSettings(tmp_path, ServeParams(port=port, lease_s=2.0, poll_s=0.05))


@pytest.fixture
def engine(settings: ServiceSettings) -> Iterator[sa.Engine]:
    """The registry of that project."""
    engine = open_database(settings.database_url)
    yield engine
    engine.dispose()


@dataclass(frozen=True, slots=True)
class Served:
    """A running service."""

    process: Popen[bytes]
    settings: ServiceSettings

    @property
    def url(self) -> str:
        return f"http://{self.settings.params.host}:{self.settings.params.port}"

    def kill(self) -> None:
        """SIGKILL for all of its processes at once, as when the machine fails."""
        service = psutil.Process(self.process.pid)
        for process in [service, *service.children(recursive=True)]:
            os.kill(process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def serve(dist: Path, settings: ServiceSettings) -> Iterator[Callable[[], Served]]:
    """Function that starts a service of the package and waits until it answers."""
    with contextlib.ExitStack() as stack:

        def served() -> Served:
            log = settings.root / "logs/serve.log"
            process = start(dist, settings, log)
            stack.callback(process.wait)
            stack.callback(end, process.pid)
            wait_until_ready(process, settings, log, 120)
            return Served(process, settings)

        yield served
