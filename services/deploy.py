"""`mova deploy`: the promoted Bento is the one that is served, and proves it.

Takes the place of the service that it started before, waits until the new one answers, asks it over HTTP for the
package's smoke clip and compares the bytes, and writes .mova/deployment.json. A service that fails is ended again.
"""

import hashlib
import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.model.folder_index import read_json
from mova_core.registry.aliases import get_alias
from mova_core.registry.database import open_database, reading
from mova_core.storage.atomic import write_text
from services.package import Reference
from services.process import ASK_EVERY_S, check_startable, end, start, wait_until_ready
from services.settings import ServiceSettings

DEPLOYMENT = ".mova/deployment.json"  # from the project's folder
LOG = "logs/serve.log"
START_WITHIN_S = 120.0
CLIP_WITHIN_S = 1800.0


def deploy(dist: Path, alias: str, settings: ServiceSettings) -> dict[str, Any]:
    """Serve the package, if it is what the alias names.

    Raises:
        UsageError: no package, no such alias, or the port is taken.
        StaleError: the package is of another checkpoint, altered, or serves other bytes than it was packaged with.
        MovaError: the service does not start, or makes no clip.
    """
    _check_promoted(Reference.read(dist), alias, settings)
    _end_former(settings)
    reference = check_startable(dist, settings)
    log = settings.root / LOG
    process = start(dist, settings, log)
    try:
        wait_until_ready(process, settings, log, START_WITHIN_S)
        base = f"http://{settings.params.host}:{settings.params.port}"
        video_id = _smoke(base, reference)
    except BaseException:
        end(process.pid)
        raise
    record = {
        "alias": alias,
        "tag": reference.tag,
        "checkpoint_id": reference.checkpoint_id,
        "url": base,
        "pid": process.pid,
        "process_created": psutil.Process(process.pid).create_time(),
        "smoke_video": video_id,
        "deployed_at": time.time(),
    }
    write_text(settings.root / DEPLOYMENT, json.dumps(record, indent=2) + "\n")
    text = f"{reference.tag} ({alias}) serves at {base}; its smoke clip came byte for byte as packaged; log {log}"
    return record | {"text": text}


def _check_promoted(reference: Reference, alias: str, settings: ServiceSettings) -> None:
    engine = open_database(settings.database_url)
    with reading(engine) as session:
        promoted = get_alias(session, alias)
    engine.dispose()
    if promoted is None:
        raise UsageError(f"alias {alias!r} names no checkpoint: run `mova promote models/phase3 --alias {alias}`")
    if promoted != reference.checkpoint_id:
        raise StaleError(
            f"alias {alias!r} names checkpoint {promoted}, the package holds {reference.checkpoint_id}: run "
            "`mova package` with the promoted model, or promote the packaged one"
        )


def _end_former(settings: ServiceSettings) -> None:
    """End the service of the last deployment, if its process is still that one."""
    path = settings.root / DEPLOYMENT
    if not path.is_file():
        return
    record = read_json(path)
    try:
        same = psutil.Process(record["pid"]).create_time() == record["process_created"]
    except psutil.NoSuchProcess:
        same = False
    if same:
        end(record["pid"])


def _smoke(base: str, reference: Reference) -> str:
    """Ask for the smoke clip; returns the video's id."""
    video = _ask(f"{base}/v1/videos", json.dumps(reference.smoke["request"]).encode())
    url = f"{base}/v1/videos/{video['id']}"
    deadline = time.monotonic() + CLIP_WITHIN_S
    while video["status"] in ("queued", "in_progress"):
        if time.monotonic() > deadline:
            raise MovaError(f"the service made no clip within {CLIP_WITHIN_S:g} s ({video['status']})")
        time.sleep(ASK_EVERY_S)
        video = _ask(url)
    if video["status"] != "completed":
        raise MovaError(f"the service failed to make the smoke clip: {video['error']['message']}")
    with urllib.request.urlopen(f"{url}/content", timeout=60) as answer:
        sha256 = hashlib.sha256(answer.read()).hexdigest()
    if sha256 != reference.smoke["sha256"]:
        raise StaleError(
            f"the service's smoke clip has sha256 {sha256[:16]}, the packaged one {reference.smoke['sha256'][:16]}: "
            "it was packaged on another machine or with other libraries, run `mova package` here"
        )
    return str(video["id"])


def _ask(url: str, body: bytes | None = None) -> dict[str, Any]:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise MovaError(f"the service answered {error.code}: {error.read(2000).decode(errors='replace')}") from None
