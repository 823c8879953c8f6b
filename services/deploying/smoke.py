"""The check of a deployed service: over HTTP it must make the package's smoke clip: once its
marking is left out, byte for byte.

A service with keys is asked with a key of the deployment's own, made for this check and revoked after it, whose token
is in no file, log or record.
"""

import hashlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mova_core.errors import MovaError, StaleError
from mova_core.marking.unmarked import without_manifest
from mova_core.registry.database.connection import opened_database
from mova_core.storage.atomic import write_bytes
from services.deploying.process import ASK_EVERY_S
from services.keys.caller import keys_exist
from services.keys.keys import create_smoke_key, revoke_key
from services.packaging.package import Reference
from services.requests.video_request import SMOKE_HEADER
from services.settings import ServiceSettings

CLIP_WITHIN_S = 1800.0

Headers = dict[str, str]


def smoke_video(reference: Reference, settings: ServiceSettings, clip: Path | None) -> str:
    """Ask for the smoke clip, keep it if wanted.

    Args:
        reference: of the package that is served.
        settings: where the service answers.
        clip: file to keep it in.

    Returns:
        The video's id.

    Raises:
        MovaError: the service makes none.
        StaleError: its bytes are others.
    """
    with _key(settings) as headers:
        video_id, served = _made(reference, settings, headers)
    sha256 = hashlib.sha256(without_manifest(served)).hexdigest()
    if sha256 != reference.smoke["sha256"]:
        raise StaleError(
            f"the service's smoke clip has sha256 {sha256[:16]}, the packaged one {reference.smoke['sha256'][:16]}: "
            "it was packaged on another machine or with other libraries, run `mova package` here"
        )
    if clip is not None:
        write_bytes(clip, served)
    return video_id


@contextmanager
def _key(settings: ServiceSettings) -> Iterator[Headers]:
    """Headers with a key that lives as long as the block; none where the service has no keys."""
    with opened_database(settings.database_url) as engine:
        if not keys_exist(engine):
            yield {}
            return
        key, token = create_smoke_key(engine)
        try:
            yield {"Authorization": f"Bearer {token}"}
        finally:
            revoke_key(engine, key.key_id)


def _made(reference: Reference, settings: ServiceSettings, headers: Headers) -> tuple[str, bytes]:
    """Id of the video and the bytes of its clip."""
    video = json.loads(_ask(f"{settings.url}/v1/videos", headers, json.dumps(reference.smoke["request"]).encode()))
    url = f"{settings.url}/v1/videos/{video['id']}"
    deadline = time.monotonic() + CLIP_WITHIN_S
    while video["status"] in ("queued", "in_progress"):
        if time.monotonic() > deadline:
            raise MovaError(f"the service made no clip within {CLIP_WITHIN_S:g} s ({video['status']})")
        time.sleep(ASK_EVERY_S)
        video = json.loads(_ask(url, headers))
    if video["status"] != "completed":
        raise MovaError(f"the service failed to make the smoke clip: {video['error']['message']}")
    return str(video["id"]), _ask(f"{url}/content", headers)


def _ask(url: str, headers: Headers, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", SMOKE_HEADER: "1", **headers})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            served: bytes = answer.read()
            return served
    except urllib.error.HTTPError as error:
        raise MovaError(f"the service answered {error.code}: {error.read(2000).decode(errors='replace')}") from None
