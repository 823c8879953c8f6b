"""A `bentoml serve` of a package: refused before it starts if it cannot, started, watched until it answers, ended."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

from mova_core.errors import MovaError, UsageError
from mova_core.ports import obstacle
from services.keys.exposure import check_exposure
from services.packaging.model_manifest import verify_packaged
from services.packaging.package import BENTO, Reference, source_folder
from services.requests.adapters import offered
from services.settings import ServiceSettings

ASK_EVERY_S = 0.2
READY_WITHIN_S = 10.0  # longer than the service waits for its generator
CONNECTIONS_END_WITHIN_S = 2
END_WITHIN_S = 20.0  # for the job in work to go back into the queue


def check_startable(dist: Path, settings: ServiceSettings) -> Reference:
    """Everything that can keep a service from starting.

    Raises:
        UsageError: no package, the port is taken, or others could reach the service and there is no key.
        StaleError: a file of the model was altered, or an adapter that it offers does not fit it.
    """
    reference = Reference.read(dist)
    check_exposure(settings.params.host, settings.database_url)
    check_port(settings.params.host, settings.params.port)  # first: large weights take a while
    packaged = verify_packaged(source_folder(dist))
    offered(settings, packaged.folder)
    return reference


def check_port(host: str, port: int) -> None:
    """Refuse a port that another program listens on.

    Raises:
        UsageError: it is taken, or is not ours to take.
    """
    if reason := obstacle(host, port):
        raise UsageError(f"port {port} of {host} cannot be used ({reason}): stop what listens there, or pass --port")


def serve_command(dist: Path, settings: ServiceSettings) -> list[str]:
    """The command line that serves a package."""
    bento = (dist / BENTO).resolve()
    address = ["--host", settings.params.host, "--port", str(settings.params.port)]
    # Without a limit an API process that has answered once was seen to wait over 20 s before it ends.
    patience = ["--timeout-graceful-shutdown", str(CONNECTIONS_END_WITHIN_S)]
    return [sys.executable, "-m", "bentoml", "serve", str(bento), *address, *patience]


def start(dist: Path, settings: ServiceSettings, log: Path) -> subprocess.Popen[bytes]:
    """Start a service that outlives this process; what it says goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            serve_command(dist, settings),
            cwd=source_folder(dist),
            env=settings.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_until_ready(process: subprocess.Popen[bytes], settings: ServiceSettings, log: Path, timeout_s: float) -> None:
    """Return once the service answers.

    Raises:
        MovaError: it ended, or does not answer in time.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if (code := process.poll()) is not None:
            raise MovaError(f"the service ended while it started (exit {code}): see {log}")
        if is_ready(settings):
            return
        time.sleep(ASK_EVERY_S)
    raise MovaError(f"the service did not answer at {settings.url}/readyz within {timeout_s:g} s: see {log}")


def is_ready(settings: ServiceSettings) -> bool:
    """Whether the service answers and its generator works."""
    try:
        with urllib.request.urlopen(f"{settings.url}/readyz", timeout=READY_WITHIN_S):
            return True
    except OSError:  # urllib's errors are of this kind
        return False


def end(pid: int) -> None:
    """End a service and the processes it started, asking first."""
    try:
        service = psutil.Process(pid)
        family = [service, *service.children(recursive=True)]
        os.kill(pid, signal.SIGTERM)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return
    deadline = time.monotonic() + END_WITHIN_S
    while time.monotonic() < deadline and any(map(_runs, family)):
        time.sleep(ASK_EVERY_S)
    left = [process for process in family if _runs(process)]
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=END_WITHIN_S)  # its port is free only once it is gone


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE  # a dead child not yet waited for
    except psutil.NoSuchProcess:
        return False
