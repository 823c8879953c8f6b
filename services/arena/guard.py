"""What is refused before a request is looked at: another Host, a POST that a foreign page sent, a long body.

A page of another origin can make a browser send a form here, with this site's cookies unless they are SameSite=Strict.
Its Origin header then names that page, or is `null`; and a form cannot send JSON. A name that somebody lets point to
this machine (DNS rebinding) shows in the Host header.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 4096  # bytes; a vote has about 150


class Guard:
    """ASGI middleware.

    Args:
        app: what is guarded.
        hosts: values of the Host header that are answered, with the port where it is not the scheme's own.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self.app, self.hosts = app, frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope["method"], Headers(scope=scope))
        if refusal is not None:
            status, sentence = refusal
            await JSONResponse({"error": sentence}, status)(scope, receive, send)
            return
        await self.app(scope, _Limited(receive), send)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        """Status and sentence; None where nothing is wrong."""
        host = headers.get("host", "").lower()
        if host not in self.hosts:
            return 421, f"this arena is not called {host[:80]!r}: open it as one of {', '.join(sorted(self.hosts))}"
        if method in ("GET", "HEAD"):
            return None
        if _netloc(headers.get("origin", "")) != host:
            return 403, "only the arena's own page may vote: open it in the browser"
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return 415, f"the body's content type is {kind[:80]!r}, expected application/json"
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdecimal() and int(length) <= MAX_BODY):
            return 413, f"the body has {length[:20] or 'an unknown number of'} bytes, expected at most {MAX_BODY}"
        return None


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


class _Limited:
    """A body that ends at MAX_BODY bytes, whatever its header said."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._left = receive, MAX_BODY

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            body = message.get("body", b"")
            if len(body) > self._left:
                return {"type": "http.disconnect"}
            self._left -= len(body)
        return message
