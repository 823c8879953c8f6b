"""The HTTP API, under the names of the OpenAI videos API. It checks and queues; the generator, which it meets only in
the database, makes the clips.

Nobody is asked who they are: bind to 127.0.0.1, or put a proxy that asks in front.
"""

from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from mova_core.version import __version__
from services.api.creation import Creation
from services.api.errors import answer_errors
from services.api.guard import Guard
from services.api.request_id import HEADER, RequestId
from services.api.videos import VideoRoutes
from services.jobs.inputs import JobInputs
from services.jobs.removal import JobRemoval
from services.requests.first_frame import ImageDecoder
from services.requests.video_request import RequestChecker
from services.settings import ServiceSettings


def create_app(engine: sa.Engine, checker: RequestChecker, settings: ServiceSettings) -> FastAPI:
    """The application.

    Args:
        engine: the registry.
        checker: of the packaged model.
        settings: where clips are kept, how many jobs may wait, and who may ask.
    """
    app = FastAPI(title="MOVA videos", version=__version__, docs_url=None, redoc_url=None)  # they load scripts
    inputs = JobInputs.of_project(settings.root)
    creation = Creation(engine, checker, inputs, ImageDecoder(), settings.params.queue)
    app.include_router(VideoRoutes(engine, creation, JobRemoval(engine, inputs, settings), settings).router())
    answer_errors(app)
    app.openapi_schema = _described(app)
    origins = settings.params.allowed_origins
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"], expose_headers=[HEADER]
        )
    app.add_middleware(Guard, hosts=(settings.params.host, *settings.params.allowed_hosts), origins=origins)
    app.add_middleware(RequestId)  # the outermost
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """/openapi.json, without FastAPI's own 422: what is wrong in a query is a 400 like all else."""
    schema = app.openapi()
    for path in schema["paths"].values():
        for operation in path.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(name, None)
    return schema
