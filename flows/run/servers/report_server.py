"""Where a person's browser finds `reports/`: a page in the UI may not link to a file, so the reports get an address.

`python -m flows.deployments` serves the folder to this machine alone for as long as it runs; runs made from the UI
link to that address, runs made at a terminal to the file itself.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mova_core.places import REPORTS

HOST = "127.0.0.1"
PORT = 4201
ADDRESS = "MOVA_REPORTS_URL"


def link_to(page: Path) -> str:
    """Address of a page under `reports/`."""
    if base := os.environ.get(ADDRESS):
        return f"{base}/{page.relative_to(REPORTS).as_posix()}"
    return page.resolve().as_uri()


@contextmanager
def reports_served() -> Iterator[str]:
    """Serve `reports/` of the working folder; its address, known to child processes too."""
    handler = partial(_Quiet, directory=str(REPORTS.resolve()))
    try:
        served = ThreadingHTTPServer((HOST, PORT), handler)
    except OSError:
        served = ThreadingHTTPServer((HOST, 0), handler)  # another project has the usual port
    threading.Thread(target=served.serve_forever, daemon=True).start()
    os.environ[ADDRESS] = f"http://{HOST}:{served.server_port}"
    try:
        yield os.environ[ADDRESS]
    finally:
        del os.environ[ADDRESS]
        served.shutdown()
        served.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nobody needs a line a request."""
