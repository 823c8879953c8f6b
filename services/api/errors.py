"""What an error is over HTTP: OpenAI's error object, with a stable code and one sentence; nothing of the inside.

What is foreseen says what the client can do. Everything else is `internal_error`, see `request_id`: its text may name
files and machines, so it goes into the log alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from mova_core.errors import MovaError
from services.jobs.submission import OtherRequest, QueueFull, QuotaUsed
from services.requests.errors import InvalidRequest, UnknownModel

RETRY_SOON_S = 1


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One kind of error.

    Args:
        status: of the answer.
        type: OpenAI's class of it.
        code: stable word, for programs.
    """

    status: int
    type: str
    code: str


INVALID = ErrorKind(400, "invalid_request_error", "invalid_request")
MISSING_KEY = ErrorKind(401, "authentication_error", "missing_api_key")
INVALID_KEY = ErrorKind(401, "authentication_error", "invalid_api_key")
MISSING_SCOPE = ErrorKind(403, "permission_error", "insufficient_scope")
INTERNAL = ErrorKind(500, "server_error", "internal_error")
INTERNAL_SENTENCE = "the service failed at this request, its log says why: try again, or tell who runs it"


class NotFound(MovaError):
    """No such video, or not yet."""


class NothingToCancel(MovaError):
    """A video that is finished."""


class BodyTooLarge(MovaError):
    """A body of more bytes than are taken."""


class Overloaded(MovaError):
    """More bytes of bodies at once than this process holds."""


class TooSlow(MovaError):
    """A body that does not come to its end in time."""


# What an error is over HTTP: the first class that it is an instance of. Of any other nothing is told.
KINDS: tuple[tuple[type[MovaError], ErrorKind], ...] = (
    (UnknownModel, ErrorKind(404, "invalid_request_error", "model_not_found")),
    (InvalidRequest, INVALID),
    (NotFound, ErrorKind(404, "invalid_request_error", "not_found")),
    (NothingToCancel, ErrorKind(409, "invalid_request_error", "already_finished")),
    (BodyTooLarge, ErrorKind(413, "invalid_request_error", "body_too_large")),
    (TooSlow, ErrorKind(408, "invalid_request_error", "body_too_slow")),
    (Overloaded, ErrorKind(503, "server_error", "overloaded")),
    (OtherRequest, ErrorKind(422, "invalid_request_error", "idempotency_key_reused")),
    (QuotaUsed, ErrorKind(429, "rate_limit_error", "quota_exceeded")),
    (QueueFull, ErrorKind(429, "rate_limit_error", "queue_full")),
)
OF_STATUS = {
    403: ErrorKind(403, "permission_error", "foreign_origin"),
    404: ErrorKind(404, "invalid_request_error", "unknown_path"),
    405: ErrorKind(405, "invalid_request_error", "method_not_allowed"),
    421: ErrorKind(421, "invalid_request_error", "unknown_host"),
}


def error_response(
    kind: ErrorKind, message: str, param: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The answer to a request that failed.

    Args:
        kind: of error.
        message: one sentence.
        param: the field that is wrong, if it is one.
        headers: of the answer.
    """
    body: dict[str, Any] = {"error": {"message": message, "type": kind.type, "param": param, "code": kind.code}}
    return JSONResponse(body, kind.status, dict(headers or {}))


def answer_errors(app: FastAPI) -> None:
    """Let an application answer every foreseen error in this form."""

    def foreseen(request: Request, error: Exception) -> Response:
        kind = next(kind for type_, kind in KINDS if isinstance(error, type_))
        retry_s = getattr(error, "retry_after_s", RETRY_SOON_S)
        headers = {"retry-after": str(retry_s)} if kind.status in (429, 503) else {}
        return error_response(kind, str(error), getattr(error, "param", None), headers)

    def wrong_query(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        name = str(first["loc"][-1])
        return error_response(INVALID, f"{name} is {first['input']!r:.80}: {first['msg']}", name)

    def wrong_place(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind = OF_STATUS.get(error.status_code, ErrorKind(error.status_code, "invalid_request_error", "refused"))
        sentence = f"{request.method} {request.url.path[:200]}: {error.detail}"
        return error_response(kind, sentence, headers=error.headers)

    for type_, _ in KINDS:
        app.add_exception_handler(type_, foreseen)
    app.add_exception_handler(RequestValidationError, wrong_query)
    app.add_exception_handler(HTTPException, wrong_place)
