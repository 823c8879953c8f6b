"""What happens to a video, as server-sent events, until it is finished.

event: video      the video object, each time that its status or progress changes
event: preview    {"progress": percent, "image": data URL of a small JPEG}, while it is in work
"""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from services.api.answers import JobAnswers
from services.api.authorization import Asking
from services.api.schemas import Answers, errors
from services.jobs import view
from services.jobs.previews import find_preview
from services.jobs.view import JobView

LOOK_EVERY_S = 0.25
ALIVE_EVERY_S = 15.0  # a comment, so that no proxy takes the connection for dead
STREAM: Answers = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "Events `video` and `preview`; the stream ends with the video.",
    }
}
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


@dataclass(frozen=True, slots=True)
class EventRoutes:
    """What answers them.

    Args:
        answers: about jobs.
    """

    answers: JobAnswers

    def router(self) -> APIRouter:
        """The route."""
        router = APIRouter(prefix="/v1/videos", tags=["videos"])
        described = STREAM | errors(404)
        router.add_api_route("/{video_id}/events", self.events, response_class=StreamingResponse, responses=described)
        return router

    async def events(self, video_id: str, caller: Asking) -> StreamingResponse:
        """What happens to a video, until it is finished."""
        job = await run_in_threadpool(self.answers.found, video_id, caller)
        return StreamingResponse(self._told(job), media_type="text/event-stream", headers=HEADERS)

    async def _told(self, first: JobView) -> AsyncIterator[str]:
        job: JobView | None = first
        shown: tuple[str, int] | None = None
        previewed, told_at = -1, time.monotonic()
        while job is not None:
            if (job.status, job.progress) != shown:
                shown, told_at = (job.status, job.progress), time.monotonic()
                yield _event("video", self.answers.video(job).model_dump(mode="json"))
            if job.is_finished:
                return
            preview = await run_in_threadpool(find_preview, self.answers.engine, job.job_id)
            if preview is not None and preview[0] != previewed:
                previewed, told_at = preview[0], time.monotonic()
                image = f"data:image/jpeg;base64,{base64.b64encode(preview[1]).decode()}"
                yield _event("preview", {"progress": previewed, "image": image})
            if time.monotonic() - told_at > ALIVE_EVERY_S:
                told_at = time.monotonic()
                yield ": waiting\n\n"
            await asyncio.sleep(LOOK_EVERY_S)
            job = await run_in_threadpool(view.find, self.answers.engine, first.job_id)
        yield _event("deleted", {"id": first.job_id})


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
