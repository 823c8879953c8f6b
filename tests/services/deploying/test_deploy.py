"""What `mova deploy` refuses it refuses before it touches the service that runs; `--stop` ends only that one."""

import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from mova_core.errors import StaleError, UsageError
from services.deploying.deploy import deploy, stop
from services.deploying.deployment import DEPLOYMENT, identity, record_deployment, running_deployment
from services.deploying.process import check_startable
from services.packaging.package import source_folder
from services.settings import ServiceSettings

LISTEN = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); print(flush=True); s.accept()"


@pytest.fixture
def former(settings: ServiceSettings) -> Iterator[subprocess.Popen[str]]:
    """A process that listens on the project's port and is recorded as its deployment."""
    command = [sys.executable, "-c", LISTEN, str(settings.params.port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline()
        record = {"tag": "mova:old", "url": settings.url, "params": settings.params.model_dump()}
        record_deployment(settings.root, record | identity(process.pid))
        yield process
        process.kill()


def test_an_alias_of_nothing_or_of_another_checkpoint_is_refused(
    dist: Path,
    settings: ServiceSettings,
    engine: sa.Engine,
    promoted: Callable[[sa.Engine], None],
    former: subprocess.Popen[str],
) -> None:
    with pytest.raises(UsageError, match="alias 'production' names no checkpoint: run `mova promote"):
        deploy("production", settings, dist)
    promoted(engine)
    with pytest.raises(StaleError, match="alias 'other' names checkpoint f"):
        deploy("other", settings, dist)
    assert former.poll() is None and running_deployment(settings.root) is not None


def test_a_foreign_port_and_an_altered_weight_are_refused_while_the_former_service_goes_on(
    dist: Path,
    settings: ServiceSettings,
    engine: sa.Engine,
    promoted: Callable[[sa.Engine], None],
    former: subprocess.Popen[str],
    tmp_path: Path,
) -> None:
    promoted(engine)
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        port = foreign.getsockname()[1]
        elsewhere = replace(settings, params=settings.params.model_copy(update={"port": port}))
        with pytest.raises(UsageError, match=f"port {port} of 127.0.0.1 cannot be used"):
            deploy("production", elsewhere, dist)
    copy = Path(shutil.copytree(dist, tmp_path / "copy"))
    weights = source_folder(copy) / "model/dual_tower_bridge/diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(StaleError, match=r"dual_tower_bridge/\S+ has sha256"):
        deploy("production", settings, copy)
    assert former.poll() is None and running_deployment(settings.root) is not None


def test_a_deployment_that_others_reach_without_keys_is_refused_while_the_former_service_goes_on(
    dist: Path, settings: ServiceSettings, former: subprocess.Popen[str]
) -> None:
    wide = replace(settings, params=settings.params.model_copy(update={"host": "0.0.0.0"}))
    for refused in (lambda: deploy("production", wide, dist), lambda: check_startable(dist, wide)):
        with pytest.raises(UsageError, match=r"host is '0\.0\.0\.0', which others can reach, and there is no API key"):
            refused()
    assert former.poll() is None and running_deployment(settings.root) is not None


def test_stop_ends_the_deployment_once_and_says_what_it_did(
    settings: ServiceSettings, former: subprocess.Popen[str]
) -> None:
    assert stop(settings.root)["text"] == f"mova:old at {settings.url} is stopped"
    assert former.wait() == -signal.SIGTERM and not (settings.root / DEPLOYMENT).exists()
    assert stop(settings.root) == {"stopped": None, "text": "no deployment runs here"}


def test_a_later_process_of_the_same_id_is_left_alone(settings: ServiceSettings, former: subprocess.Popen[str]) -> None:
    path = settings.root / DEPLOYMENT
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"process_created": record["process_created"] - 1}))
    assert stop(settings.root)["stopped"] is None
    assert former.poll() is None and not path.exists()


def test_options_that_stop_does_not_heed_are_refused(settings: ServiceSettings, former: subprocess.Popen[str]) -> None:
    command = [str(Path(sys.executable).parent / "mova"), "deploy", "--stop", "--port", "3000"]
    done = subprocess.run(command, cwd=settings.root, capture_output=True, text=True)
    assert done.returncode == 2 and "--port has no effect beside --stop" in done.stderr
    assert former.poll() is None
