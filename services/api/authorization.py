"""Who may ask what: `Authorization: Bearer TOKEN`, asked for before anything else of a request is looked at.

A request needs a key once one was ever made, and wherever others can reach the service: by its settings, or by the
address that the connection came to, whatever the server was told to bind to. GET and HEAD need the scope read, all else
create; so a route that is added later is guarded without a word of its own.
"""

from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.errors import INVALID_KEY, MISSING_KEY, MISSING_SCOPE, ErrorKind, error_response
from services.keys.audit import RefusalLog
from services.keys.caller import ANYBODY, Caller, find_caller, keys_exist
from services.keys.exposure import is_loopback

READING = ("GET", "HEAD")
SCHEME = "bearer "


class _Refused(Exception):
    """A request that goes no further."""

    def __init__(self, kind: ErrorKind, sentence: str, caller: Caller | None = None) -> None:
        super().__init__(sentence)
        self.kind, self.caller = kind, caller


class Authorization:
    """ASGI middleware; puts the `Caller` into the request's state.

    Args:
        app: what is guarded.
        engine: the registry.
        host: that the service is bound to.
    """

    def __init__(self, app: ASGIApp, engine: sa.Engine, host: str) -> None:
        self.app, self._engine = app, engine
        self._refusals = RefusalLog(engine)
        self._closed = not is_loopback(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            caller = await run_in_threadpool(self._caller, scope)
        except _Refused as refused:
            what = f"{scope['method']} {scope['path']!r:.200} from {(scope.get('client') or ['unknown'])[0]}"
            key_id = None if refused.caller is None else refused.caller.key_id
            await run_in_threadpool(self._refusals.refused, key_id, f"{refused.kind.code}: {what}")
            headers = {"www-authenticate": "Bearer"} if refused.kind.status == 401 else {}
            await error_response(refused.kind, str(refused), headers=headers)(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        await self.app(scope, receive, send)

    def _caller(self, scope: Scope) -> Caller:
        """Who asks.

        Raises:
            _Refused: nobody that may.
        """
        if not self._needs_key(scope):
            return ANYBODY
        given = Headers(scope=scope).getlist("authorization")
        if not given:
            raise _Refused(MISSING_KEY, "this service asks for a key: send it as `Authorization: Bearer KEY`")
        bearer = len(given) == 1 and given[0].lower().startswith(SCHEME)
        caller = find_caller(self._engine, given[0][len(SCHEME) :].strip()) if bearer else None
        if caller is None:
            raise _Refused(INVALID_KEY, "the key is not known here, or was revoked: ask who runs the service for one")
        needed = "read" if scope["method"] in READING else "create"
        if not caller.may(needed):
            raise _Refused(MISSING_SCOPE, f"the key has not the scope {needed}: ask for one that has it", caller)
        return caller

    def _needs_key(self, scope: Scope) -> bool:
        if not self._closed and keys_exist(self._engine):
            self._closed = True  # for good: keys are never removed
        server = scope.get("server")  # the address that the connection came to
        return self._closed or server is None or not is_loopback(server[0])


async def _caller_of(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


Asking = Annotated[Caller, Depends(_caller_of)]
"""Who sent the request, as a parameter of a route."""
