"""A question to a model: messages, and the schema of its answer, as the chat completions protocol has them.

Source: OpenAI API reference, chat completions and structured outputs.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from mova_core.endpoints.answer import Answer

MOST_TOKENS = 4096  # of an answer, a reasoning model's thoughts included

Schema = TypeVar("Schema", bound=Answer)
Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question(Generic[Schema]):
    """What is asked.

    Args:
        name: of the schema, letters and underscores.
        messages: instructions first, then examples, then what it is about.
        schema: of the answer.
    """

    name: str
    messages: Sequence[Message]
    schema: type[Schema]

    def body(self, model: str) -> dict[str, Any]:
        """The request's JSON. No temperature: some models take none, and an answer that was accepted is kept."""
        schema = {"name": self.name, "schema": self.schema.model_json_schema(), "strict": True}
        return {
            "model": model,
            "messages": list(self.messages),
            "max_completion_tokens": MOST_TOKENS,
            "response_format": {"type": "json_schema", "json_schema": schema},
        }

    def recorded(self) -> list[dict[str, Any]]:
        """The messages as they are kept: images and audio by the hash of their bytes."""
        return [{**message, "content": _recorded(message["content"])} for message in self.messages]


def message(role: str, content: Any) -> Message:
    """One message; what is not a text is written as JSON.

    JSON keeps data from outside apart from what is around it. `<` is written as an escape, which JSON reads back as the
    same character: so no text spells a chat template's own marks, such as those that begin a system message.
    """
    if not isinstance(content, str):
        content = json.dumps(content, ensure_ascii=False).replace("<", "\\u003c")
    return {"role": role, "content": content}


def media_message(*parts: Mapping[str, Any]) -> Message:
    """Images and audio as a message of the user."""
    return {"role": "user", "content": list(parts)}


def image_part(data: bytes, kind: Literal["png", "jpeg"]) -> dict[str, Any]:
    """An image file as a part of a message."""
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{base64.b64encode(data).decode()}"}}


def audio_part(wav: bytes) -> dict[str, Any]:
    """A WAV file as a part of a message."""
    return {"type": "input_audio", "input_audio": {"data": base64.b64encode(wav).decode(), "format": "wav"}}


def _recorded(content: Any) -> Any:
    return content if isinstance(content, str) else [_recorded_part(part) for part in content]


def _recorded_part(part: Mapping[str, Any]) -> dict[str, str]:
    name, data = (
        ("image_sha256", part["image_url"]["url"].partition(",")[2])
        if part["type"] == "image_url"
        else ("audio_sha256", part["input_audio"]["data"])
    )
    return {name: hashlib.sha256(base64.b64decode(data)).hexdigest()}
