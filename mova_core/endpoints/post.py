"""Send a request to an endpoint: limits on time, size, attempts and rate, and JSON back.

What does not answer, or not in JSON, is an EndpointError. Not the OpenAI SDK: it reads an error's answer without a
limit and takes keys from variables of its own.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from mova_core.endpoints.endpoint import Endpoint
from mova_core.endpoints.rate_limit import RateLimit
from mova_core.errors import EndpointError

if TYPE_CHECKING:
    import ssl

    import httpx

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0  # between attempts: doubled each time, unless the server says how long
CONNECT_S = 5.0
TRY_AGAIN = (408, 409, 425, 429)  # and 5xx


class RequestRefused(EndpointError):
    """An endpoint that answers, and does not take the request.

    Args:
        message: one sentence.
        status: HTTP's.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one question.

    Args:
        seconds: with all attempts and the pauses between them, but without waiting for turns of the endpoint's rate.
        attempts: at most; only what may pass is tried again: no connection, HTTP 408, 409, 425, 429 and 5xx.
        bytes: of an answer's body.
    """

    seconds: float = 180.0
    attempts: int = 3
    bytes: int = 256 * 1024


async def post(
    endpoint: Endpoint,
    path: str,
    request: Mapping[str, Any],
    limits: Limits = Limits(),
    rate: RateLimit | None = None,
) -> bytes:
    """The JSON that an endpoint answers with, after as many attempts as it takes.

    Args:
        endpoint: whom to ask.
        path: after the endpoint's URL, such as `/chat/completions`.
        request: `json`, or `data` and `files`, as httpx takes them; files as bytes, for they may be sent again.
        limits: of the question.
        rate: of the endpoint; each attempt takes a turn.

    Raises:
        RequestRefused: the endpoint does not take it.
        EndpointError: no answer within the limits, or one that is not JSON.
    """
    import httpx

    last = "no answer"
    timeout = httpx.Timeout(None, connect=CONNECT_S)
    try:
        async with (
            asyncio.timeout(limits.seconds) as deadline,
            httpx.AsyncClient(headers=endpoint.headers, timeout=timeout, verify=_certificates()) as client,
        ):
            for attempt in range(limits.attempts):
                if rate is not None and (turn_s := rate.reserve()):
                    deadline.reschedule((deadline.when() or 0.0) + turn_s)
                    await asyncio.sleep(turn_s)
                pause = min(FIRST_PAUSE_S * 2**attempt, LONGEST_PAUSE_S)
                try:
                    async with client.stream("POST", f"{endpoint.url}{path}", **request) as response:
                        content = await _read(endpoint, response, limits.bytes)
                    if response.status_code == 200:
                        _check_json(endpoint, response)
                        return content
                    last = _told(endpoint, response, content)
                    if response.status_code not in TRY_AGAIN and response.status_code < 500:
                        raise RequestRefused(f"{endpoint} refuses the request: {last}", response.status_code)
                    pause = _asked_pause_s(response, pause)
                except httpx.HTTPError as error:
                    last = endpoint.without_key(str(error)) or type(error).__name__
                if attempt + 1 < limits.attempts:
                    await asyncio.sleep(pause)
    except TimeoutError:
        raise EndpointError(
            f"{endpoint} did not answer within {limits.seconds:g} s (last: {last}): try again later, or use a faster "
            "model"
        ) from None
    raise EndpointError(f"{endpoint} failed {limits.attempts} times (last: {last}): see its log, then run again")


@cache
def _certificates() -> "ssl.SSLContext":
    """Read once: it takes longer than many a question."""
    import httpx

    return httpx.create_ssl_context()


async def _read(endpoint: Endpoint, response: "httpx.Response", most: int) -> bytes:
    """The body as it is sent, up to a limit."""
    if (encoding := response.headers.get("content-encoding", "identity")) != "identity":
        raise EndpointError(
            f"{endpoint} answers in encoding {encoding!r:.40}, which was not asked for: correct the server"
        )
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > most:
            raise EndpointError(f"{endpoint} answers with more than {most} bytes, expected a short JSON object")
    return bytes(content)


def _check_json(endpoint: Endpoint, response: "httpx.Response") -> None:
    kind = response.headers.get("content-type", "none")
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise EndpointError(
            f"{endpoint} answers with content type {kind!r:.60}, expected application/json: name the URL of an "
            "OpenAI-compatible endpoint, which often ends in /v1"
        )


def _told(endpoint: Endpoint, response: "httpx.Response", content: bytes) -> str:
    """An error's status, and its message where it has one as the protocol writes it."""
    status = f"HTTP {response.status_code}"
    if 300 <= response.status_code < 400:
        return f"{status}, a redirect, which is not followed"
    return f"{status} {endpoint.without_key(content.decode(errors='replace'))}".strip()


def _asked_pause_s(response: "httpx.Response", otherwise: float) -> float:
    """Seconds that the server asks to wait; a date is passed over."""
    asked = response.headers.get("retry-after", "")
    return float(asked) if asked.isdecimal() and asked.isascii() else otherwise
