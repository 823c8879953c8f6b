"""The body of `POST /v1/videos` as /openapi.json describes it: the very fields that are checked, with examples."""

from typing import Any

from services.requests.video_request import REFERENCE, VideoRequest

PROMPT = "A red ball bounces on a dark floor, with a wooden knock at each bounce."
PIXEL = (  # a grey image of 16 x 16 pixels
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAAAAAA6mKC9AAAAEUlEQVR4nGNsYEAFTAwjWgAAmZAAoC0n3a4AAAAASUVORK5CYII="
)


def _bodies(json_schema: dict[str, Any]) -> dict[str, Any]:
    """One schema for JSON, and one for forms, where an image is a file."""
    form = json_schema | {"properties": json_schema["properties"] | {REFERENCE: _FILE}}
    examples: dict[str, Any] = {
        "text": {"summary": "from text", "value": {"prompt": PROMPT, "seed": 1}},
        "settings": {
            "summary": "a first frame, and settings of the sampler",
            "value": {"prompt": PROMPT, "seconds": "2", "steps": 4, "input_reference": PIXEL},
        },
    }
    return {
        "required": True,
        "content": {
            "application/json": {"schema": json_schema, "examples": examples},
            "multipart/form-data": {"schema": form, "examples": {"text": examples["text"]}},
        },
    }


_FILE = {"type": "string", "format": "binary", "description": "first frame, a PNG, JPEG or WebP file"}
_SCHEMA = VideoRequest.model_json_schema()

CREATE_BODY: dict[str, Any] = {"requestBody": _bodies(_SCHEMA)}
