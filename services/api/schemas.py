"""What the API answers, as /openapi.json describes it: OpenAI's objects, with fields of our own."""

from typing import Any, Literal

from pydantic import BaseModel, Field

Status = Literal["queued", "in_progress", "completed", "failed", "cancelled"]


class VideoError(BaseModel):
    """Why there is no clip."""

    code: str = Field(description="stable word", examples=["out_of_memory"])
    message: str = Field(description="one sentence")


class Try(BaseModel):
    """One seed that a clip was generated with."""

    seed: int
    faults: list[str] = Field(description="why the clip of this seed counts as collapsed; none: it does not")


class Video(BaseModel):
    """One clip that was asked for."""

    id: str = Field(examples=["video_0645e2a1b3c4d5f3a9c1e7d2b4f6a8c0e1d2"])
    object: Literal["video"] = "video"
    model: str
    status: Status
    progress: int = Field(ge=0, le=100, description="percent")
    created_at: int = Field(description="seconds since 1970")
    completed_at: int | None = Field(description="when it was completed, failed or cancelled")
    expires_at: int | None = Field(description="from then on the clip and its job are removed")
    prompt: str
    seconds: str = Field(description="length of the clip", examples=["2.0625"])
    size: str = Field(description="of its frames, WIDTHxHEIGHT", examples=["384x384"])
    seed: int
    checkpoint_id: str | None = Field(description="the weights that made it")
    remixed_from_video_id: str | None = Field(description="the video that it was made from or repeats")
    warnings: list[str] = Field(description="what to know of the prompt and the clip, a sentence each")
    tries: list[Try] = Field(description="seeds that were tried; empty where the first did well")
    error: VideoError | None


class VideoList(BaseModel):
    """A page of videos."""

    object: Literal["list"] = "list"
    data: list[Video]
    first_id: str | None
    last_id: str | None = Field(description="goes on behind it as `after`, whether or not it is deleted meanwhile")
    has_more: bool


class DeletedVideo(BaseModel):
    """A video that is gone, with its files."""

    id: str
    object: Literal["video.deleted"] = "video.deleted"
    deleted: Literal[True] = True


class Model(BaseModel):
    """A model that is served."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="when it was loaded, seconds since 1970")
    owned_by: str = "mova"


class ModelList(BaseModel):
    """The names of what is served."""

    object: Literal["list"] = "list"
    data: list[Model]


class Plan(BaseModel):
    """What a clip would take."""

    object: Literal["video.plan"] = "video.plan"
    seconds: str = Field(description="length of the clip")
    size: str = Field(description="of its frames; an image that is given may turn it")
    expected_s: float | None = Field(description="to make it, by the clips made last; null: none was made yet")
    waiting_s: float | None = Field(description="until those ahead of it are made; null likewise")
    price: float | None = Field(description="by serve.price_per_second; null: none is set")
    warnings: list[str]


class ErrorObject(BaseModel):
    """What is wrong."""

    message: str = Field(description="one sentence: what was got, what is expected")
    type: str
    param: str | None = Field(description="the field that is wrong")
    code: str = Field(description="stable word", examples=["invalid_request"])


class ErrorAnswer(BaseModel):
    """The body of every answer of 400 and above."""

    error: ErrorObject


Answers = dict[int | str, dict[str, Any]]  # by status, as FastAPI takes them

ERRORS: Answers = {
    status: {"model": ErrorAnswer, "description": told}
    for status, told in {
        400: "A field, the body or a query is wrong.",
        401: "The service asks for a key, and none or an unknown one was sent.",
        403: "The key has not the scope, or a page of another origin asks.",
        404: "No such video, or not yet.",
        408: "The body did not end in time.",
        409: "The video is finished: there is nothing to cancel.",
        413: "The body is too large.",
        421: "The Host header names no host of this service.",
        422: "The Idempotency-Key was sent before with another request.",
        429: "Too many clips wait, or too many of the key's owner: try again after Retry-After seconds.",
        500: "The service failed; its log says why, under the request's id.",
        503: "The service holds too many requests at once.",
    }.items()
}


def errors(*statuses: int) -> Answers:
    """Those of some statuses, and those that every request can have."""
    return {status: ERRORS[status] for status in sorted({*statuses, 401, 403, 421, 500})}
