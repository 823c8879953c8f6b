"""The BentoML topology: an API service (any number of processes) and a generator service (one process a device).

They meet only in the registry's table of jobs. BentoML keeps /livez (the process answers), /readyz (and clips are made,
else 503 and why) and /metrics; the rest is `api`.
The packaged model is verified once when `bentoml serve` reads this file, and again by the generator before it loads it.
"""

import asyncio
import os
import sys
from pathlib import Path

os.environ["BENTOML_DO_NOT_TRACK"] = "true"  # before BentoML is imported: it phones home otherwise

import bentoml
from aiohttp import ClientError
from bentoml.exceptions import BentoMLException
from starlette.exceptions import HTTPException

from mova_core.errors import MovaError
from mova_core.model.pretrained.index import FolderIndex
from mova_core.registry.database.connection import open_database
from services.api.app import create_app
from services.jobs.inputs import JobInputs
from services.jobs.marking import ClipMarker
from services.packaging.model_manifest import Packaged, read_packaged, verify_packaged
from services.requests.adapters import loaded, offered
from services.requests.checker import RequestChecker
from services.requests.video_request import MODEL_NAME
from services.settings import ServiceSettings

SOURCE = Path(__file__).resolve().parents[1]  # the Bento's src/, where model/ and manifest.json lie
ANSWER_WITHIN_S = 5.0  # the generator, asked whether it works
VERIFIED_VARIABLE = "MOVA_VERIFIED"  # inherited by the processes that the first one starts


def _packaged() -> Packaged:
    packaged = read_packaged(SOURCE)
    if os.environ.get(VERIFIED_VARIABLE) != packaged.sha256:
        packaged = verify_packaged(SOURCE)
        os.environ[VERIFIED_VARIABLE] = packaged.sha256
    return packaged


try:
    PACKAGED, SETTINGS = _packaged(), ServiceSettings.from_environment()
    LORAS = offered(SETTINGS, PACKAGED.folder)
    INPUTS = JobInputs.of_project(SETTINGS.root)
    MARKER = ClipMarker.of(SETTINGS, INPUTS)
except MovaError as refused:
    print(f"mova serve: {refused}", file=sys.stderr)
    raise SystemExit(refused.exit_code) from None

BENTO_TAG = f"{MODEL_NAME}:{PACKAGED.sha256[:16]}"


@bentoml.service(name="mova-generator", workers=1)
class Generator:
    """Makes the clips; has no door of its own."""

    def __init__(self) -> None:
        from mova_core.model.model_folder import load_components
        from mova_core.sampling.clip_generator import ClipGenerator
        from services.jobs.render import Renderer
        from services.jobs.webhook_sender import WebhookSender
        from services.jobs.webhooks import Webhooks
        from services.jobs.worker import Worker

        verify_packaged(SOURCE)  # this process may be one that was started anew long after the first
        model = load_components(PACKAGED.folder)
        adapters = loaded(model, LORAS)
        generator = ClipGenerator.of(model, SETTINGS.runtime)
        engine = open_database(SETTINGS.database_url)
        renderer = Renderer(generator, PACKAGED.checkpoint_id, INPUTS, adapters)
        self.worker = Worker(engine, renderer, INPUTS, SETTINGS, BENTO_TAG, MARKER)
        self.sender = WebhookSender(engine, Webhooks.from_environment(SETTINGS.params.webhooks_to_private))
        self.worker.start()
        self.sender.start()

    @bentoml.api
    def is_alive(self) -> bool:
        """Whether the worker works."""
        return self.worker.is_alive

    @bentoml.on_shutdown
    def shutdown(self) -> None:
        """Give the job in work back to the queue."""
        self.sender.stop()
        self.worker.stop()


_app = create_app(
    open_database(SETTINGS.database_url),
    RequestChecker(
        FolderIndex.read(PACKAGED.folder),
        {MODEL_NAME, BENTO_TAG, PACKAGED.checkpoint_id},
        SETTINGS.params.max_seconds,
        {name: lora.trained_on for name, lora in LORAS.items()},
    ),
    SETTINGS,
)


@bentoml.service(name=MODEL_NAME, workers=SETTINGS.params.api_workers)
@bentoml.asgi_app(_app, path="/")
class Api:
    """The door."""

    generator = bentoml.depends(Generator)

    async def __is_ready__(self) -> bool:
        """Whether clips are made; what BentoML asks for /readyz."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                alive = await self.generator.to_async.is_alive()
        except (BentoMLException, ClientError, OSError):  # a timeout is an OSError
            raise HTTPException(503, "the generator does not answer: it starts, or see the service's log") from None
        if not alive:
            raise HTTPException(503, "the generator's thread has ended: restart the service, its log says why")
        return True
