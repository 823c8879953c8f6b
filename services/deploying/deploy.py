"""`mova deploy`: the promoted Bento is the one that is served, and proves it.

The package is served from where it is kept, so packaging another model takes no file from a running service.
All that can refuse is asked before the service of the last deployment is touched. If that one serves the very same
package with the same params and answers, it is kept; else the new one takes its place. Either is asked over HTTP for
the package's smoke clip, whose bytes must be the packaged ones once its marking is left out. A new service that fails
is ended again.
"""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mova_core.places import SERVE_LOG
from mova_core.registry.database.connection import opened_database
from services.deploying.deployment import forget_deployment, identity, record_deployment, running_deployment
from services.deploying.process import check_port, end, is_ready, start, wait_until_ready
from services.deploying.smoke import smoke_video
from services.keys.exposure import check_exposure
from services.packaging.model_manifest import MODEL_FOLDER
from services.packaging.package import Reference, source_folder
from services.packaging.promoted_package import promoted_package
from services.requests.adapters import offered
from services.settings import ServiceSettings

START_WITHIN_S = 120.0


def deploy(alias: str, settings: ServiceSettings, dist: Path | None = None, clip: Path | None = None) -> dict[str, Any]:
    """Serve a package of the checkpoint that an alias names.

    Args:
        alias: what names the checkpoint.
        settings: where and how to serve.
        dist: the package; None takes the one of that checkpoint, see `promoted_package`.
        clip: file to keep the clip in that the service answered, if wanted.

    Raises:
        UsageError: no such alias, `dist` is no package, the port is another program's, or there is no key
            and others could reach the service.
        StaleError: the package is of another checkpoint, altered, or serves other bytes than it was packaged with; or
            the promoted weights are not on this machine.
        MovaError: the package cannot be built, or the service does not start or makes no clip.
    """
    check_exposure(settings.params.host, settings.database_url)
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
        record, how = former | {"smoke_video": smoke_video(reference, settings, clip)}, "already serves"
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
        record["smoke_video"] = smoke_video(reference, settings, clip)
        record_deployment(settings.root, record)
        undo.pop_all()
    return record
