"""Files that stand in requests as text: base64, line breaks allowed, or a data URL."""

import base64
import binascii

from services.requests.errors import InvalidRequest


def image_bytes(text: str, field: str) -> bytes:
    """The bytes of an image.

    Args:
        text: as it was sent.
        field: its name, for the message.

    Raises:
        InvalidRequest: it is neither base64 nor a data URL of an image.
    """
    return _decoded(text, field, "image")


def media_bytes(text: str, field: str, kind: str) -> bytes:
    """The bytes of an audio or video file; arguments and errors as of `image_bytes`, `kind` is `audio` or `video`."""
    return _decoded(text, field, kind)


def _decoded(text: str, field: str, kind: str) -> bytes:
    header, comma, body = text.partition(",")
    if text.startswith(("http://", "https://")):
        raise InvalidRequest(f"{field} is an address, expected the {kind} itself: send the file or a data: URL", field)
    if comma and not header.startswith(f"data:{kind}/"):
        raise InvalidRequest(f"{field} is not {kind}, expected a file or a data:{kind}/… URL", field)
    try:
        return base64.b64decode("".join((body if comma else text).split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest(f"{field} is not base64, expected a file or a data:{kind}/… URL", field) from None
