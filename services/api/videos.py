"""The routes of `/v1/videos`: create, list, retrieve, content, cancel, delete."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from starlette.concurrency import run_in_threadpool

from services.api.answers import ALREADY_THERE, POLL_AFTER, JobAnswers, add_get, no_video
from services.api.authorization import Asking
from services.api.body import read_fields
from services.api.creation import Asked, Creation
from services.api.errors import NotFound, NothingToCancel
from services.api.request_schema import CREATE_BODY
from services.api.schemas import Answers, DeletedVideo, Video, VideoList, errors
from services.jobs import queue, view
from services.jobs.removal import JobRemoval
from services.jobs.results import VARIANTS, VariantName, result_path

BINARY = {variant.media_type: {"schema": {"type": "string", "format": "binary"}} for variant in VARIANTS.values()}
FILE: Answers = {200: {"content": BINARY, "description": "The file; byte ranges are answered by 206."}}


@dataclass(frozen=True, slots=True)
class VideoRoutes:
    """What answers them.

    Args:
        answers: about jobs.
        creation: queues jobs.
        removal: removes them.
    """

    answers: JobAnswers
    creation: Creation
    removal: JobRemoval

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(prefix="/v1/videos", tags=["videos"])
        router.add_api_route(
            "",
            self.create,
            methods=["POST"],
            status_code=201,
            response_model=Video,
            responses=ALREADY_THERE | errors(400, 404, 408, 413, 422, 429, 503),
            openapi_extra=CREATE_BODY,
        )
        add_get(router, "", self.list_videos, responses=errors(400))
        one = "/{video_id}"
        add_get(router, one, self.retrieve, responses=errors(404))
        router.add_api_route(one, self.delete, methods=["DELETE"], responses=errors(404))
        router.add_api_route(f"{one}/cancel", self.cancel, methods=["POST"], responses=errors(404, 409))
        file = FILE | errors(400, 404)
        add_get(router, f"{one}/content", self.content, response_class=FileResponse, responses=file)
        return router

    async def create(self, request: Request, caller: Asking) -> JSONResponse:
        """Ask for a clip: the job is queued and answered at once."""
        fields = await read_fields(request)
        job, is_new = await run_in_threadpool(self.creation.create, Asked(fields, request.headers, caller))
        return await self.answers.queued(job, is_new, request.headers, caller)

    def list_videos(
        self,
        caller: Asking,
        after: Annotated[str | None, Query(description="last_id of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        order: Literal["asc", "desc"] = "desc",
    ) -> VideoList:
        """Videos in order of creation, a page at a time."""
        newest_first = order == "desc"
        jobs = view.page(
            self.answers.engine, after=after, limit=limit + 1, newest_first=newest_first, owner=caller.sees
        )
        data = [self.answers.video(job) for job in jobs[:limit]]
        first, last = (data[0].id, data[-1].id) if data else (None, None)
        return VideoList(data=data, first_id=first, last_id=last, has_more=len(jobs) > limit)

    def retrieve(self, video_id: str, response: Response, caller: Asking) -> Video:
        """A video as it is now; one that failed says why in `error`."""
        response.headers.update(POLL_AFTER)
        return self.answers.video(self.answers.found(video_id, caller))

    def content(self, video_id: str, caller: Asking, variant: VariantName = "video") -> FileResponse:
        """The clip's file, or another form of it."""
        job = self.answers.found(video_id, caller)
        if job.status != "completed":
            raise NotFound(f"video {video_id} is {job.status}, its content is there once it is completed")
        path = self.removal.settings.root / result_path(job.job_id, variant)
        if not path.is_file():
            raise NotFound(f"video {video_id} has no {variant}: ask for another variant, or for the video again")
        form = VARIANTS[variant]
        headers = {"x-content-type-options": "nosniff"}
        return FileResponse(path, media_type=form.media_type, filename=f"{video_id}{form.suffix}", headers=headers)

    def cancel(self, video_id: str, caller: Asking) -> Video:
        """End a video that waits or is in work, within one step; it stays to be seen as `cancelled`."""
        cancelled = view.is_id(video_id) and queue.cancel(self.answers.engine, video_id, caller.sees)
        if not cancelled and (job := self.answers.found(video_id, caller)).status != "cancelled":
            raise NothingToCancel(f"video {video_id} is {job.status}, expected one that waits or is in work")
        return self.answers.video(self.answers.found(video_id, caller))

    def delete(self, video_id: str, caller: Asking) -> DeletedVideo:
        """Remove a video and its files; one that is in work stops."""
        if not (view.is_id(video_id) and self.removal.remove(video_id, caller.sees)):
            raise no_video(video_id)
        return DeletedVideo(id=video_id)
