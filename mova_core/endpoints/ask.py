"""Ask an endpoint a question: limits on time, size and attempts, then the protocol, then the schema.

What does not answer, or not as the protocol says, is an EndpointError and ends the run. An answer that is not what was
asked for is an UnusableAnswer, of which the caller may make nothing. Accepted answers are kept by the hash of the whole
request (instructions, schema, model, image and text), so the same question is asked once.

Not the OpenAI SDK: it reads an error's answer without a limit and takes keys from variables of its own.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from pydantic import BaseModel, Field, ValidationError

from mova_core.endpoints.endpoint import Endpoint
from mova_core.endpoints.question import Question, Schema
from mova_core.errors import EndpointError, MovaError, first_fault
from mova_core.storage.hashing import sha256_json
from mova_core.storage.result_cache import ResultCache

if TYPE_CHECKING:
    import httpx

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0  # between attempts: doubled each time, unless the server says how long
CONNECT_S = 5.0
TRY_AGAIN = (408, 409, 425, 429)  # and 5xx


class UnusableAnswer(MovaError):
    """A model's answer that is not what was asked for.

    Args:
        reason: one sentence.
        text: the answer, where there is one.
    """

    def __init__(self, reason: str, text: str | None = None) -> None:
        super().__init__(reason)
        self.text = text


@dataclass(frozen=True, slots=True)
class Reply(Generic[Schema]):
    """An accepted answer, and the text in which it came."""

    answer: Schema
    text: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one question.

    Args:
        seconds: with all attempts and the pauses between them.
        attempts: at most; only what may pass is tried again: no connection, HTTP 408, 409, 425, 429 and 5xx.
        bytes: of an answer's body.
    """

    seconds: float = 180.0
    attempts: int = 3
    bytes: int = 256 * 1024


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Completion(BaseModel):
    """Of an answer what is read; servers add keys of their own."""

    choices: list[_Choice] = Field(min_length=1)


def ask(
    endpoint: Endpoint,
    question: Question[Schema],
    cache: ResultCache,
    check: Callable[[Schema], object] = lambda answer: None,
    limits: Limits = Limits(),
) -> Reply[Schema]:
    """The answer to a question.

    Args:
        endpoint: whom to ask.
        question: what.
        cache: of answers that were accepted before.
        check: raises UnusableAnswer for one that is not accepted although it fits the schema.
        limits: of the question.

    Raises:
        EndpointError: no answer within the limits, or one that is not the protocol's.
        UnusableAnswer: the answer is cut off, a refusal, not of the schema, or `check` says so.
    """
    body = question.body(endpoint.model)
    key = sha256_json(body)
    kept = cache.get(key)
    text = asyncio.run(_answer(endpoint, body, limits)) if kept is None else kept
    try:
        answer = question.schema.model_validate_json(text)
        check(answer)
    except ValidationError as error:
        fault = endpoint.without_key(first_fault(error))
        raise UnusableAnswer(f"it is not of the schema {question.name} ({fault})", text) from None
    except UnusableAnswer as error:
        raise UnusableAnswer(str(error), text) from None
    if kept is None:
        cache.put(key, text)
    return Reply(answer, text)


async def _answer(endpoint: Endpoint, body: dict[str, Any], limits: Limits) -> str:
    """The text of an answer, after as many attempts as it takes."""
    import httpx

    last = "no answer"
    try:
        async with (
            asyncio.timeout(limits.seconds),
            httpx.AsyncClient(headers=endpoint.headers, timeout=httpx.Timeout(None, connect=CONNECT_S)) as client,
        ):
            for attempt in range(limits.attempts):
                pause = min(FIRST_PAUSE_S * 2**attempt, LONGEST_PAUSE_S)
                try:
                    async with client.stream("POST", f"{endpoint.url}/chat/completions", json=body) as response:
                        content = await _read(endpoint, response, limits.bytes)
                    if response.status_code == 200:
                        return _text(endpoint, response, content)
                    last = _told(endpoint, response, content)
                    if response.status_code not in TRY_AGAIN and response.status_code < 500:
                        raise EndpointError(f"{endpoint} refuses the request: {last}")
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


def _text(endpoint: Endpoint, response: "httpx.Response", content: bytes) -> str:
    """The text of a completion."""
    kind = response.headers.get("content-type", "none")
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise EndpointError(
            f"{endpoint} answers with content type {kind!r:.60}, expected application/json: name the URL of an "
            "OpenAI-compatible endpoint, which often ends in /v1"
        )
    try:
        choice = _Completion.model_validate_json(content).choices[0]
    except ValidationError as error:
        raise EndpointError(
            f"{endpoint} does not answer with a chat completion ({endpoint.without_key(first_fault(error))}): name the "
            "URL of an OpenAI-compatible endpoint"
        ) from None
    if choice.message.refusal or choice.finish_reason == "content_filter":
        told = endpoint.without_key(choice.message.refusal or "its content filter")
        raise UnusableAnswer(f"it is a refusal ({told})")
    if choice.finish_reason == "length" or choice.message.content is None:
        raise UnusableAnswer("it is cut off or empty", choice.message.content)
    return choice.message.content


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
