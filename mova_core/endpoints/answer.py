"""What a model's answer may be: JSON of a closed schema, its texts of bounded length and without control characters.

The limits are not part of the JSON schema that is sent: servers that enforce a schema know few of its keywords.
"""

import unicodedata
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

LONGEST_TEXT = 2000  # characters of one field
MOST_ITEMS = 40  # of one list


def _plain_text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"{len(text)} characters, expected at most {LONGEST_TEXT}")
    if control := next((one for one in text if unicodedata.category(one) == "Cc"), None):
        raise ValueError(f"it holds the control character {control!r}")
    return text


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty")
    return text


def few(items: Sequence[Any]) -> Sequence[Any]:
    """A list that is not too long; ValueError otherwise."""
    if len(items) > MOST_ITEMS:
        raise ValueError(f"{len(items)} items, expected at most {MOST_ITEMS}")
    return items


Text = Annotated[str, AfterValidator(_plain_text)]
FilledText = Annotated[str, AfterValidator(_filled), AfterValidator(_plain_text)]


class Answer(BaseModel):
    """Base of every schema, and of its parts: no key may be missing, none be unknown, none be of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
