"""A Prefect server for as long as one command runs, on the project's own history (`prefect.toml`: `.prefect/`).

A server that someone has named by PREFECT_API_URL is used instead. It is started here rather than by Prefect's own
temporary server, for which the flow's process would first import the whole server too (5 s of processor time).
"""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mova_core.errors import MovaError
from mova_core.ports import free_port

START_S = 120.0
HOST = "127.0.0.1"
WATCHDOG = [sys.executable, "-m", "flows.run.stages.parent_watchdog"]  # ends the server when this process ends
API = [sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app", "--log-level", "warning"]
WITH_UI = [sys.executable, "-m", "prefect", "server", "start"]


@contextmanager
def server(log: Path, command: list[str] | None = None, port: int = 0) -> Iterator[str]:
    """Run a server, or use the one that PREFECT_API_URL names; the URL of its API.

    Args:
        log: where it writes what it has to say.
        command: `API` (the default) or `WITH_UI`; gets `--host` and `--port`.
        port: 0 = any free one.

    Raises:
        MovaError: it does not start.
    """
    if url := os.environ.get("PREFECT_API_URL"):
        yield url
        return
    port = port or free_port(HOST)
    url = f"http://{HOST}:{port}/api"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as written:
        process = subprocess.Popen(
            [*WATCHDOG, *(command or API), "--host", HOST, "--port", str(port)],
            stdin=subprocess.PIPE,  # closed when this process ends, however it ends; the watchdog then ends the server
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C ends the flow first, and the flow still has things to say to the server
        )
        try:
            _wait_until_healthy(url, process, log)
            yield url
        finally:
            process.communicate()


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    ended = process.poll()
    what = f"ended with exit code {ended}" if ended is not None else f"did not answer within {START_S:.0f} s"
    raise MovaError(f"the Prefect server {what}: see {log}")
