"""How routes answer: with a job that was queued, or is waited for, and for HEAD like for GET."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from services.api.errors import NotFound
from services.api.schemas import Answers, Video
from services.api.video_object import video_of
from services.jobs import view
from services.jobs.view import JobView
from services.keys.caller import Caller

POLL_AFTER = {"openai-poll-after-ms": "200"}  # the openai package asks again after this long
REPLAYED = {"idempotency-replayed": "true"}
ALREADY_THERE: Answers = {
    200: {"model": Video, "description": "The video is finished, as it was waited for; or the Idempotency-Key made it."}
}
MAX_WAIT_S = 60
LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class JobAnswers:
    """Answers about jobs.

    Args:
        engine: the registry.
        keep_s: seconds that finished jobs are kept.
    """

    engine: sa.Engine
    keep_s: float

    def video(self, job: JobView) -> Video:
        """A job as clients see it."""
        return video_of(job, self.keep_s)

    def found(self, video_id: str, caller: Caller) -> JobView:
        """A job that the caller sees.

        Raises:
            NotFound: there is none.
        """
        job = view.find(self.engine, video_id, caller.sees) if view.is_id(video_id) else None
        if job is None:
            raise no_video(video_id)
        return job

    async def queued(self, job: JobView, is_new: bool, headers: Headers, caller: Caller) -> JSONResponse:
        """The answer to a request that became a job; `Prefer: wait=SECONDS` waits for its end (RFC 7240)."""
        answered, wait_s = dict(POLL_AFTER), _wait_s(headers)
        if wait_s:
            job = await self._finished(job, wait_s, caller)
            answered["preference-applied"] = f"wait={wait_s}"
        if not is_new:
            answered |= REPLAYED
        status = 200 if job.is_finished or not is_new else 201
        return JSONResponse(self.video(job).model_dump(mode="json"), status, answered)

    async def _finished(self, job: JobView, wait_s: int, caller: Caller) -> JobView:
        """The job once it is finished, or as it is after so long."""
        deadline = time.monotonic() + wait_s
        while not job.is_finished and time.monotonic() < deadline:
            await asyncio.sleep(LOOK_EVERY_S)
            job = await run_in_threadpool(self.found, job.job_id, caller)
        return job


def no_video(video_id: str) -> NotFound:
    """The error of an id that is none."""
    return NotFound(f"video {video_id[:80]!r} is not known here, or was deleted")


def add_get(router: APIRouter, path: str, answer: Callable[..., Any], **described: Any) -> None:
    """A route for GET, and for HEAD, which /openapi.json does not list."""
    router.add_api_route(path, answer, methods=["GET"], **described)
    router.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False, **described)


def _wait_s(headers: Headers) -> int:
    """How long a client prefers to wait, at most MAX_WAIT_S; 0: not at all. Other preferences are not ours."""
    found = re.search(r"(?:^|[,;])\s*wait\s*=\s*(\d{1,6})\s*(?:$|[,;])", headers.get("prefer", ""))
    return 0 if found is None else min(MAX_WAIT_S, int(found[1]))
