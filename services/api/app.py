"""The HTTP API, under the names of the OpenAI videos API. It checks and queues; the generator, which it meets only in
the database, makes the clips.

Without keys it answers on this machine alone, see `authorization`.
"""

import time
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from mova_core.version import __version__
from services.api.about import AboutRoutes
from services.api.answers import JobAnswers
from services.api.authorization import Authorization
from services.api.creation import Creation
from services.api.derived_videos import DerivedVideoRoutes
from services.api.errors import answer_errors
from services.api.events import EventRoutes
from services.api.guard import Guard
from services.api.request_id import HEADER, RequestId
from services.api.videos import VideoRoutes
from services.jobs.inputs import JobInputs
from services.jobs.removal import JobRemoval
from services.jobs.webhooks import Webhooks
from services.requests.checker import RequestChecker
from services.requests.first_frame import ImageDecoder
from services.settings import ServiceSettings


def create_app(engine: sa.Engine, checker: RequestChecker, settings: ServiceSettings) -> FastAPI:
    """The application.

    Args:
        engine: the registry.
        checker: of the packaged model.
        settings: where clips are kept, how many jobs may wait, and who may ask.
    """
    app = FastAPI(title="MOVA videos", version=__version__, docs_url=None, redoc_url=None)  # they load scripts
    inputs, params = JobInputs.of_project(settings.root), settings.params
    webhooks = Webhooks.from_environment(params.webhooks_to_private)
    creation = Creation(engine, checker, inputs, ImageDecoder(), settings, webhooks)
    answers = JobAnswers(engine, params.keep_s)
    app.include_router(AboutRoutes(creation, time.time()).router())
    app.include_router(DerivedVideoRoutes(answers, creation).router())
    app.include_router(EventRoutes(answers).router())
    app.include_router(VideoRoutes(answers, creation, JobRemoval(engine, inputs, settings)).router())
    answer_errors(app)
    app.openapi_schema = _described(app)
    app.add_middleware(Authorization, engine=engine, host=params.host)  # within CORS: a preflight carries no key
    origins = params.allowed_origins
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"], expose_headers=[HEADER]
        )
    app.add_middleware(Guard, hosts=(params.host, *params.allowed_hosts), origins=origins)
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
    schema["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    schema["security"] = [{"key": []}, {}]  # the second: none, where the service has no keys
    return schema
