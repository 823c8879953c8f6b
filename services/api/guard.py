"""What is refused before a request is looked at: another Host, a foreign page, and bodies beyond what is taken.

A page of another origin can make a browser send a form here; its Origin header then names that page, or is `null`. A
name that somebody lets point to this machine (DNS rebinding) shows in the Host header, which is then no address and no
name of ours. A body is counted while it comes, whatever its header said of its length, and so are the bodies that this
process holds at once.
"""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.errors import OF_STATUS, BodyTooLarge, Overloaded, error_response

MAX_BODY = 16 * 2**20  # bytes of one; a first frame is far smaller
MAX_HELD = 8 * MAX_BODY  # bytes of all together


class Guard:
    """ASGI middleware.

    Args:
        app: what is guarded.
        hosts: names that are answered beside localhost; addresses always are.
        origins: of pages that may ask from elsewhere, such as https://example.org.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self.app = app
        self._hosts = {"localhost", *(host.lower() for host in hosts)}
        self._origins = {origin.lower().rstrip("/") for origin in origins}
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope))
        if refusal is not None:
            status, sentence = refusal
            await error_response(OF_STATUS[status], sentence)(scope, receive, send)
            return
        body = _Body(self, receive)
        try:
            await self.app(scope, body, send)
        finally:
            self._held -= body.bytes

    def hold(self, count: int) -> None:
        """Take in so many bytes more.

        Raises:
            Overloaded: this process holds too many already.
        """
        self._held += count
        if self._held > MAX_HELD:
            raise Overloaded(
                f"the service holds {MAX_HELD >> 20} MiB of requests at once and takes no more: try again in a moment"
            )

    def _refusal(self, headers: Headers) -> tuple[int, str] | None:
        """Status and sentence; None where nothing is wrong."""
        host = headers.get("host", "").lower()
        name = _name(host)
        if not (name in self._hosts or _is_address(name)):
            return 421, (
                f"this service is not called {host[:80]!r}: use its address, or add the name to serve.allowed_hosts"
            )
        origin = headers.get("origin", "").lower().rstrip("/")
        if origin and origin not in self._origins and _netloc(origin) != host:
            return 403, f"a page of {origin[:80]!r} may not ask here: add it to serve.allowed_origins if it shall"
        return None


class _Body:
    """A request's body on its way in, counted."""

    def __init__(self, guard: Guard, receive: Receive) -> None:
        self._guard, self._receive, self.bytes = guard, receive, 0

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            count = len(message.get("body", b""))
            self.bytes += count
            self._guard.hold(count)
            if self.bytes > MAX_BODY:
                raise BodyTooLarge(f"the body has over {MAX_BODY} bytes, expected at most as many: send a smaller file")
        return message


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _name(host: str) -> str:
    """The Host header without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
