"""Ask an endpoint a question: the request is sent, the answer read as the protocol and the schema say.

What does not answer, or not as the protocol says, is an EndpointError and ends the run. An answer that is not what was
asked for is an UnusableAnswer, of which the caller may make nothing. Accepted answers are kept by the hash of the whole
request (instructions, schema, model, image, audio and text), so the same question is asked once.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic

from pydantic import BaseModel, Field, ValidationError

from mova_core.endpoints.endpoint import Endpoint
from mova_core.endpoints.post import Limits, post
from mova_core.endpoints.question import Question, Schema
from mova_core.endpoints.rate_limit import RateLimit
from mova_core.errors import EndpointError, MovaError, first_fault
from mova_core.storage.hashing import sha256_json
from mova_core.storage.result_cache import ResultCache


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
    """As `ask_async`, for those who ask one question at a time."""
    return asyncio.run(ask_async(endpoint, question, cache, check, limits))


async def ask_async(
    endpoint: Endpoint,
    question: Question[Schema],
    cache: ResultCache,
    check: Callable[[Schema], object] = lambda answer: None,
    limits: Limits = Limits(),
    rate: RateLimit | None = None,
) -> Reply[Schema]:
    """The answer to a question.

    Args:
        endpoint: whom to ask.
        question: what.
        cache: of answers that were accepted before.
        check: raises UnusableAnswer for one that is not accepted although it fits the schema.
        limits: of the question.
        rate: of the endpoint.

    Raises:
        EndpointError: no answer within the limits, or one that is not the protocol's.
        UnusableAnswer: the answer is cut off, a refusal, not of the schema, or `check` says so.
    """
    body = question.body(endpoint.model)
    key = sha256_json(body)
    if (kept := cache.get(key)) is not None:
        with suppress(UnusableAnswer):  # it was accepted by other rules than the present ones
            return _accepted(endpoint, question, kept, check)
    text = _text(endpoint, await post(endpoint, "/chat/completions", {"json": body}, limits, rate))
    reply = _accepted(endpoint, question, text, check)
    cache.put(key, text)
    return reply


def _accepted(
    endpoint: Endpoint, question: Question[Schema], text: str, check: Callable[[Schema], object]
) -> Reply[Schema]:
    """An answer that is of the schema and passes the check; UnusableAnswer otherwise."""
    try:
        answer = question.schema.model_validate_json(text)
        check(answer)
    except ValidationError as error:
        fault = endpoint.without_key(first_fault(error))
        raise UnusableAnswer(f"it is not of the schema {question.name} ({fault})", text) from None
    except UnusableAnswer as error:
        raise UnusableAnswer(str(error), text) from None
    return Reply(answer, text)


def _text(endpoint: Endpoint, content: bytes) -> str:
    """The text of a completion."""
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
