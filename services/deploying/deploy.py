"""`mova deploy`: the promoted Bento is the one that is served, and proves it.

The package is served from where it is kept, so packaging another model takes no file from a running service.
All that can refuse is asked before the service of the last deployment is touched. If that one serves the very same
package with the same params and answers, it is kept; else the new one takes its place. Either is asked over HTTP for
the package's smoke clip, whose bytes must be the packaged ones once its marking is left out. A new service that fails
is ended again.
"""

import hashlib
import json
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mova_core.errors import MovaError, StaleError
from mova_core.marking.unmarked import without_manifest
from mova_core.places import SERVE_LOG
from mova_core.registry.database.connection import opened_database
from mova_core.storage.atomic import write_bytes
from services.deploying.deployment import forget_deployment, identity, record_deployment, running_deployment
from services.deploying.process import ASK_EVERY_S, check_port, end, is_ready, start, wait_until_ready
from services.packaging.model_manifest import MODEL_FOLDER
from services.packaging.package import Reference, source_folder
from services.packaging.promoted_package import promoted_package
from services.requests.adapters import offered
from services.requests.video_request import SMOKE_HEADER
from services.settings import ServiceSettings

START_WITHIN_S = 120.0
CLIP_WITHIN_S = 1800.0


def deploy(alias: str, settings: ServiceSettings, dist: Path | None = None, clip: Path | None = None) -> dict[str, Any]:
    """Serve a package of the checkpoint that an alias names.

    Args:
        alias: what names the checkpoint.
        settings: where and how to serve.
        dist: the package; None takes the one of that checkpoint, see `promoted_package`.
        clip: file to keep the clip in that the service answered, if wanted.

    Raises:
        UsageError: no such alias, `dist` is no package, or the port is another program's.
        StaleError: the package is of another checkpoint, altered, or serves other bytes than it was packaged with; or
            the promoted weights are not on this machine.
        MovaError: the package cannot be built, or the service does not start or makes no clip.
    """
    former = running_deployment(settings.root)
    if former is None or former.get("params", {}).get("port") != settings.params.port:
        check_port(settings.params.host, settings.params.port)
    with opened_database(settings.database_url) as engine:
        folder = promoted_package(engine, alias, settings.root, dist)
    reference = Reference.read(folder)
    loras = offered(settings, source_folder(folder) / MODEL_FOLDER)
    wanted = {
        "alias": alias,
        "tag": reference.tag,
        "checkpoint_id": reference.checkpoint_id,
        "url": settings.url,
        "params": settings.params.model_dump(mode="json"),
        "runtime": settings.runtime.model_dump(mode="json"),
        "loras": {name: lora.adapter_id for name, lora in loras.items()},
    }
    if former is not None and wanted.items() <= former.items() and is_ready(settings):
        record, how = former | {"smoke_video": _smoke(reference, settings, clip)}, "already serves"
        record_deployment(settings.root, record)
    else:
        if former is not None:
            end(former["pid"])
            forget_deployment(settings.root)
        record, how = _start(folder, reference, settings, wanted, clip), "serves"
    said = f"{reference.tag} ({alias}) {how} at {settings.url}; its smoke clip came byte for byte as packaged"
    replaced = None if former is None or how != "serves" else former["tag"]
    return record | {"kept": how != "serves", "replaced": replaced, "text": f"{said}; log {settings.root / SERVE_LOG}"}


def stop(root: Path) -> dict[str, Any]:
    """End the service of a project's last deployment, if its process is still that one; twice changes nothing."""
    former = running_deployment(root)
    if former is not None:
        end(former["pid"])
    forget_deployment(root)
    if former is None:
        return {"stopped": None, "text": "no deployment runs here"}
    return {"stopped": former["tag"], "text": f"{former['tag']} at {former['url']} is stopped"}


def _start(
    folder: Path, reference: Reference, settings: ServiceSettings, wanted: dict[str, Any], clip: Path | None
) -> dict[str, Any]:
    """Start the service, recorded at once so that it can be stopped whatever happens here, and check it."""
    check_port(settings.params.host, settings.params.port)
    log = settings.root / SERVE_LOG
    process = start(folder, settings, log)
    with ExitStack() as undo:  # whatever ends this early, an interrupt too, ends the service and its record
        undo.callback(forget_deployment, settings.root)
        undo.callback(end, process.pid)
        record = wanted | identity(process.pid) | {"deployed_at": time.time(), "smoke_video": None}
        record_deployment(settings.root, record)
        wait_until_ready(process, settings, log, START_WITHIN_S)
        record["smoke_video"] = _smoke(reference, settings, clip)
        record_deployment(settings.root, record)
        undo.pop_all()
    return record


def _smoke(reference: Reference, settings: ServiceSettings, clip: Path | None) -> str:
    """Ask for the smoke clip, keep it if wanted; returns the video's id."""
    video = _ask(f"{settings.url}/v1/videos", json.dumps(reference.smoke["request"]).encode())
    url = f"{settings.url}/v1/videos/{video['id']}"
    deadline = time.monotonic() + CLIP_WITHIN_S
    while video["status"] in ("queued", "in_progress"):
        if time.monotonic() > deadline:
            raise MovaError(f"the service made no clip within {CLIP_WITHIN_S:g} s ({video['status']})")
        time.sleep(ASK_EVERY_S)
        video = _ask(url)
    if video["status"] != "completed":
        raise MovaError(f"the service failed to make the smoke clip: {video['error']['message']}")
    with urllib.request.urlopen(f"{url}/content", timeout=60) as answer:
        served = answer.read()
    sha256 = hashlib.sha256(without_manifest(served)).hexdigest()
    if sha256 != reference.smoke["sha256"]:
        raise StaleError(
            f"the service's smoke clip has sha256 {sha256[:16]}, the packaged one {reference.smoke['sha256'][:16]}: "
            "it was packaged on another machine or with other libraries, run `mova package` here"
        )
    if clip is not None:
        write_bytes(clip, served)
    return str(video["id"])


def _ask(url: str, body: bytes | None = None) -> dict[str, Any]:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", SMOKE_HEADER: "1"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise MovaError(f"the service answered {error.code}: {error.read(2000).decode(errors='replace')}") from None
