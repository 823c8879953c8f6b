"""Bodies of requests as /openapi.json describes them: the very fields that are checked, with examples."""

from typing import Any

from pydantic import BaseModel

from services.jobs.submission import KEY_FORM
from services.requests.video_request import EditRequest, ExtendRequest, RemixRequest, VideoRequest

Described = dict[str, Any]

PROMPT = "A red ball bounces on a dark floor, with a wooden knock at each bounce."
IMAGE = (  # grey, 16 x 16 pixels
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAAAAAA6mKC9AAAAEUlEQVR4nGNsYEAFTAwjWgAAmZAAoC0n3a4AAAAASUVORK5CYII="
)
FILES = ("input_reference", "last_frame", "audio", "video")  # fields that a form sends as files
HEADERS = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "sent again with the same key and body, a request is the video that it was; a UUID does",
        "schema": {"type": "string", "pattern": KEY_FORM},
    },
    {
        "name": "Prefer",
        "in": "header",
        "description": "wait=SECONDS, such as wait=30 and up to 60, answers once the video is finished (RFC 7240)",
        "schema": {"type": "string"},
    },
]
VIDEO_ID = "video_0645e2a1b3c4d5f3a9c1e7d2b4f6a8c0e1d2"


def _body(kind: type[BaseModel], examples: dict[str, Described], *, of_one: bool = False) -> Described:
    """The body of one kind of request.

    Args:
        kind: its fields.
        examples: values by what they show.
        of_one: the path names the video that it goes on from.
    """
    schema = kind.model_json_schema()
    if of_one:
        schema["properties"].pop("video", None)
    as_files = {name: _file(field) if name in FILES else field for name, field in schema["properties"].items()}
    shown = {summary.replace(" ", "_"): {"summary": summary, "value": value} for summary, value in examples.items()}
    content = {"application/json": {"schema": schema, "examples": shown}}
    content["multipart/form-data"] = {"schema": schema | {"properties": as_files}, "examples": shown}
    return {"requestBody": {"required": True, "content": content}, "parameters": HEADERS}


def _file(field: Described) -> Described:
    return {"type": "string", "format": "binary", "description": field["description"]}


CREATE_BODY = _body(
    VideoRequest,
    {
        "from text": {"prompt": PROMPT, "seed": 1},
        "from a first frame": {"prompt": PROMPT, "seconds": "2", "steps": 4, "input_reference": IMAGE},
        "audio alone": {"prompt": "a wooden knock", "only": "audio"},
    },
)
PLAN_BODY = {"requestBody": CREATE_BODY["requestBody"]}
REMIX_BODY = _body(RemixRequest, {"other words": {"prompt": "A blue ball bounces on a dark floor."}}, of_one=True)
_LONGER = {"prompt": PROMPT, "seconds": "2"}
_ANEW = {"prompt": PROMPT, "retake": "0.5:1.25"}
_KEPT = {"prompt": "a metallic clang", "keep": "video"}
EXTEND_BODY = _body(ExtendRequest, {"longer": _LONGER}, of_one=True)
EDIT_BODY = _body(EditRequest, {"a part anew": _ANEW, "its audio anew": _KEPT}, of_one=True)
EXTENSIONS_BODY = _body(ExtendRequest, {"longer": _LONGER | {"video": {"id": VIDEO_ID}}})
EDITS_BODY = _body(EditRequest, {"a part anew": _ANEW | {"video": {"id": VIDEO_ID}}})
