"""A body's fields, from JSON or a form. Text is UTF-8 or it is refused; nothing is repaired, guessed or taken twice."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Iterable
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from services.api.errors import TooSlow
from services.api.guard import MAX_BODY
from services.requests.errors import InvalidRequest

MAX_FIELDS = 64
BODY_WITHIN_S = 60.0
JSON, MULTIPART, FORM = "application/json", "multipart/form-data", "application/x-www-form-urlencoded"
# How forms spell the fields of OpenAI's objects.
FORM_NAMES = {"input_reference[image_url]": "input_reference", "video[id]": "video"}


async def read_fields(request: Request) -> dict[str, Any]:
    """The fields of a body; an uploaded file becomes base64, as it is in JSON.

    Raises:
        InvalidRequest: it is neither JSON nor a form, or not UTF-8, or gives a field twice.
        TooSlow: it does not come to its end in time.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            if kind == JSON.encode():
                return _of_json(await request.body())
            if kind == FORM.encode():
                return _of_form(await request.body())
            if kind == MULTIPART.encode():
                return await _of_multipart(request.stream(), options)
    except TimeoutError:
        raise TooSlow(f"the body did not end within {BODY_WITHIN_S:g} s: send it again") from None
    except ClientDisconnect:
        raise InvalidRequest("the body ended before its last byte: send it again") from None
    raise InvalidRequest(f"the body's content type is {kind.decode('latin-1')[:80]!r}, expected {JSON} or {MULTIPART}")


def _of_json(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise _not_utf8("the body", error) from None
    except (ValueError, RecursionError):
        raise InvalidRequest('the body is not JSON, expected an object such as {"prompt": "…"}') from None
    if not isinstance(fields, dict):
        raise InvalidRequest(f"the body is a JSON {type(fields).__name__}, expected an object")
    for name, key in (("input_reference", "image_url"), ("video", "id")):  # OpenAI's object forms
        if isinstance(fields.get(name), dict):
            fields[name] = fields[name].get(key)
    return fields


def _of_form(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except UnicodeDecodeError as error:
        raise _not_utf8("the form", error) from None
    except ValueError:
        raise InvalidRequest(f"the form has over {MAX_FIELDS} fields, expected at most as many") from None
    return _once((FORM_NAMES.get(name, name), value) for name, value in pairs)


async def _of_multipart(stream: AsyncGenerator[bytes, None], options: dict[bytes, bytes]) -> dict[str, Any]:
    charset = options.get(b"charset", b"utf-8").lower()
    if charset not in (b"utf-8", b"utf8"):
        raise InvalidRequest(f"the form's charset is {charset.decode('latin-1')[:80]!r}, expected utf-8")
    # Read as Latin-1, every byte is one character: what is not UTF-8 shows below, where the parser would repair it.
    boundary = options.get(b"boundary", b"").decode("latin-1")
    headers = Headers({"content-type": f'{MULTIPART}; boundary="{boundary}"; charset=latin-1'})
    parser = MultiPartParser(headers, stream, max_files=4, max_fields=MAX_FIELDS, max_part_size=MAX_BODY)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise InvalidRequest(f"the form cannot be read ({error}): expected {MULTIPART} with a boundary") from None
    try:
        pairs = []
        for raw_name, value in form.multi_items():
            name = _utf8("a field's name", raw_name)
            text = await _file(value) if isinstance(value, UploadFile) else _utf8(f"field {name!r:.80}", value)
            pairs.append((FORM_NAMES.get(name, name), text))
    finally:
        await form.close()
    return _once(pairs)


async def _file(upload: UploadFile) -> str:
    return base64.b64encode(await upload.read()).decode()


def _utf8(what: str, latin1: str) -> str:
    try:
        return latin1.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(what, error) from None


def _not_utf8(what: str, error: UnicodeDecodeError) -> InvalidRequest:
    return InvalidRequest(f"{what} is not UTF-8 (byte {error.start + 1}): send the text in UTF-8")


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise InvalidRequest(f"field {name!r:.80} is given twice")
        fields[name] = value
    return fields


def _no_number(name: str) -> Any:
    raise ValueError(name)
