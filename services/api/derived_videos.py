"""The routes of videos that go on from another one: remix, extend, edit, by its path or as the openai package asks."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from services.api.answers import ALREADY_THERE, JobAnswers
from services.api.authorization import Asking
from services.api.body import read_fields
from services.api.creation import Asked, Creation
from services.api.request_schema import EDIT_BODY, EDITS_BODY, EXTEND_BODY, EXTENSIONS_BODY, REMIX_BODY
from services.api.schemas import Video, errors
from services.keys.caller import Caller
from services.requests.derived import Kind


@dataclass(frozen=True, slots=True)
class DerivedVideoRoutes:
    """What answers them.

    Args:
        answers: about jobs.
        creation: queues jobs.
    """

    answers: JobAnswers
    creation: Creation

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(prefix="/v1/videos", tags=["videos made from videos"])
        for path, answer, body in (
            ("/{video_id}/remix", self.remix, REMIX_BODY),
            ("/{video_id}/extend", self.extend, EXTEND_BODY),
            ("/{video_id}/edit", self.edit, EDIT_BODY),
            ("/extensions", self.extensions, EXTENSIONS_BODY),
            ("/edits", self.edits, EDITS_BODY),
        ):
            router.add_api_route(
                path,
                answer,
                methods=["POST"],
                status_code=201,
                response_model=Video,
                responses=ALREADY_THERE | errors(400, 404, 408, 413, 422, 429, 503),
                openapi_extra=body,
            )
        return router

    async def remix(self, video_id: str, request: Request, caller: Asking) -> JSONResponse:
        """The same request with other words or settings."""
        return await self._derive("remix", request, caller, video_id)

    async def extend(self, video_id: str, request: Request, caller: Asking) -> JSONResponse:
        """A longer video: it goes on where this one ends."""
        return await self._derive("extend", request, caller, video_id)

    async def edit(self, video_id: str, request: Request, caller: Asking) -> JSONResponse:
        """A part of a video anew: an interval of it, its audio or its frames."""
        return await self._derive("edit", request, caller, video_id)

    async def extensions(self, request: Request, caller: Asking) -> JSONResponse:
        """As extend, of the video that the body names or holds."""
        return await self._derive("extend", request, caller, None)

    async def edits(self, request: Request, caller: Asking) -> JSONResponse:
        """As edit, of the video that the body names or holds."""
        return await self._derive("edit", request, caller, None)

    async def _derive(self, kind: Kind, request: Request, caller: Caller, video_id: str | None) -> JSONResponse:
        fields = await read_fields(request)
        asked = Asked(fields, request.headers, caller)
        job, is_new = await run_in_threadpool(self.creation.derive, kind, asked, video_id)
        return await self.answers.queued(job, is_new, request.headers, caller)
