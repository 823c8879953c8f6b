"""The HTTP door, under the OpenAI videos API's names: create, list, retrieve, content, delete.

It checks and queues; clips are made by the generator, which it meets only in the database. An error is one sentence in
OpenAI's error object. Nobody is asked who they are: bind to 127.0.0.1, or put a proxy that asks in front.
"""

import base64
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from mova_core.errors import MovaError, UsageError
from mova_core.registry.database.tables import Job
from services.jobs import queue
from services.requests.video_request import MODEL_NAME, RequestChecker, UnknownModel
from services.settings import ServiceSettings

MAX_BODY = 16 * 2**20  # bytes; a first frame is far smaller
POLL_AFTER_MS = "200"  # the openai package asks again after this long


class NotFound(MovaError):
    """No such video, or not yet."""


# What an error is over HTTP: the first class that it is an instance of.
ANSWERS: tuple[tuple[type[MovaError], int, str, str | None], ...] = (
    (UnknownModel, 404, "invalid_request_error", "model_not_found"),
    (UsageError, 400, "invalid_request_error", None),
    (NotFound, 404, "invalid_request_error", "not_found"),
    (queue.QueueFull, 429, "rate_limit_error", "queue_full"),
    (MovaError, 500, "server_error", None),
)


def create_app(engine: sa.Engine, checker: RequestChecker, settings: ServiceSettings) -> FastAPI:
    """The application.

    Args:
        engine: the registry.
        checker: of the packaged model.
        settings: where clips are kept and how many jobs may wait.
    """
    app = FastAPI(title="MOVA videos", docs_url=None, redoc_url=None)  # their pages load scripts from elsewhere
    _answer_errors(app)

    @app.post("/v1/videos", status_code=201)
    async def create(request: Request) -> JSONResponse:
        fields = await _fields(request)

        def submitted() -> Job:
            smoke = queue.SMOKE_HEADER in request.headers
            return queue.submit(engine, checker.check(fields), settings.params.queue, smoke=smoke)

        return JSONResponse(_video(await run_in_threadpool(submitted)), 201, _polling())

    @app.get("/v1/videos")
    def list_videos(
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        order: Literal["asc", "desc"] = "desc",
    ) -> dict[str, Any]:
        rows = queue.page(engine, after=after, limit=limit + 1, newest_first=order == "desc")
        data = [_video(job) for job in rows[:limit]]
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
        return {"object": "list", "data": data, "has_more": len(rows) > limit, **ends}

    @app.get("/v1/videos/{video_id}")
    def retrieve(video_id: str) -> JSONResponse:
        return JSONResponse(_video(_found(engine, video_id)), headers=_polling())

    @app.get("/v1/videos/{video_id}/content")
    def content(video_id: str, variant: Literal["video"] = "video") -> FileResponse:
        job = _found(engine, video_id)
        if job.status != "completed" or job.result_path is None:
            raise NotFound(f"video {video_id} is {job.status}, its content is there once it is completed")
        path = settings.root / job.result_path
        if not path.is_file():
            raise NotFound(f"the file of video {video_id} is gone: ask for it again")
        return FileResponse(path, media_type="video/mp4", filename=f"{video_id}.mp4")

    @app.delete("/v1/videos/{video_id}")
    def delete(video_id: str) -> dict[str, Any]:
        job = queue.delete(engine, video_id)
        if job is None:
            raise _no_video(video_id)
        if job.result_path is not None:
            (settings.root / job.result_path).unlink(missing_ok=True)
        return {"id": video_id, "object": "video.deleted", "deleted": True}

    return app


async def _fields(request: Request) -> dict[str, Any]:
    """The fields of a body, JSON or form; an uploaded file becomes base64, as it is in JSON."""
    length = request.headers.get("content-length")
    if length is None or int(length) > MAX_BODY:  # the server refuses lengths that are no numbers
        raise UsageError(f"the body has {length or 'an unknown number of'} bytes, expected at most {MAX_BODY}")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            fields = await request.json()
        except (ValueError, RecursionError):
            raise UsageError('the body is not JSON, expected an object such as {"prompt": "…"}') from None
        if not isinstance(fields, dict):
            raise UsageError(f"the body is a JSON {type(fields).__name__}, expected an object")
        reference = fields.get("input_reference")
        if isinstance(reference, Mapping):  # OpenAI's object form
            fields["input_reference"] = reference.get("image_url")
        return fields
    if kind not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise UsageError(f"the body's content type is {kind!r}, expected application/json or multipart/form-data")
    async with request.form(max_files=1, max_fields=32) as form:
        fields = {}
        for name, value in form.multi_items():
            name = "input_reference" if name == "input_reference[image_url]" else name
            if name in fields:
                raise UsageError(f"field {name!r} is given twice")
            fields[name] = base64.b64encode(await value.read()).decode() if isinstance(value, UploadFile) else value
    return fields


def _video(job: Job) -> dict[str, Any]:
    """A job as OpenAI's video object."""
    outcome = job.outcome or {}  # none before it is finished, and of an earlier version
    error = None if job.error is None else {"code": "generation_failed", "message": job.error}
    return {
        "id": job.job_id,
        "object": "video",
        "model": MODEL_NAME,
        "status": job.status,
        "progress": job.progress,
        "created_at": int(job.created_at),
        "completed_at": None if job.finished_at is None else int(job.finished_at),
        "expires_at": None,
        "prompt": job.request["prompt"],
        "seconds": job.request["seconds"],
        "size": job.request["size"],
        "seed": job.request["seed"],
        "checkpoint_id": job.checkpoint_id,
        "remixed_from_video_id": None,
        # a job of an earlier version has none of its request
        "warnings": [*job.request.get("warnings", []), *outcome.get("warnings", [])],
        "tries": outcome.get("tries", []),
        "error": error,
    }


def _polling() -> dict[str, str]:
    return {"openai-poll-after-ms": POLL_AFTER_MS}


def _found(engine: sa.Engine, video_id: str) -> Job:
    job = queue.find(engine, video_id)
    if job is None:
        raise _no_video(video_id)
    return job


def _no_video(video_id: str) -> NotFound:
    return NotFound(f"video {video_id[:80]!r} is not known here, or was deleted")


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(MovaError)
    def foreseen(request: Request, error: MovaError) -> Response:
        status, kind, code = next(answer[1:] for answer in ANSWERS if isinstance(error, answer[0]))
        return _error(status, kind, str(error), code)

    @app.exception_handler(RequestValidationError)
    def wrong_query(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return _error(400, "invalid_request_error", f"{first['loc'][-1]} is {first['input']!r}: {first['msg']}")

    @app.exception_handler(HTTPException)
    def wrong_place(request: Request, error: HTTPException) -> Response:
        sentence = f"{request.method} {request.url.path[:200]}: {error.detail}"
        return _error(error.status_code, "invalid_request_error", sentence, headers=error.headers)

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:  # the server logs it as well
        return _error(500, "server_error", f"unexpected {type(error).__name__}: see the service's log")


def _error(
    status: int, kind: str, message: str, code: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return JSONResponse(body, status, dict(headers or {}))
