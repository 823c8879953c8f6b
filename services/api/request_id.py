"""Every request has an id, the client's (`x-request-id`) or a new one: in the answer, and in what is logged meanwhile.

What nobody foresaw is answered here: the client learns the id alone, the log holds the rest under it.
"""

import logging
import re
import secrets
from contextvars import ContextVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.errors import INTERNAL, INTERNAL_SENTENCE, error_response

HEADER = "x-request-id"
FORM = re.compile(r"[\w.-]{1,64}", re.ASCII)

log = logging.getLogger("mova.api")
request_id: ContextVar[str] = ContextVar("request_id", default="-")


class RequestId:
    """ASGI middleware, the outermost."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        own = given if FORM.fullmatch(given) else secrets.token_hex(16)
        request_id.set(own)
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)[HEADER] = own
            await send(message)

        try:
            await self.app(scope, receive, answer)
        except Exception:
            log.exception("request %s: %s %s", own, scope["method"], scope["path"])
            if started:  # too late for an answer: the connection ends
                raise
            await error_response(INTERNAL, f"{INTERNAL_SENTENCE} (request {own})")(scope, receive, answer)
