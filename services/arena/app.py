"""The arena over HTTP: a page, pairs for a session, their clips by side, and votes.

Who votes is a random cookie, and nothing else is known of them. What a browser learns of a pair is its text and two
clips at sides drawn for this session: they are asked for by ballot and side, and their headers do not tell who made
them or when. An error is `{"error": one sentence}`. All addresses on the page are relative, so the application
can be mounted under a path that ends in a slash.
"""

import hashlib
import math
import re
import secrets
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, create_model
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from mova_core.errors import MovaError, StaleError
from mova_core.evaluation.arena.dimensions import DIMENSIONS
from mova_core.registry.arena import ballots
from mova_core.registry.arena.ballots import Shown
from mova_core.registry.database.tables import ArenaClip
from mova_core.storage.hashing import sha256_file
from services.arena.guard import Guard
from services.arena.page import arena_page
from services.arena.rate_limit import TokenBuckets, network_of

COOKIE = "mova_arena"
COOKIE_BYTES = 32
COOKIE_FORM = re.compile(r"[\w-]{43}", re.ASCII)  # COOKIE_BYTES in base64
COOKIE_LASTS_S = 365 * 24 * 3600
PLAIN = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
LONG_AGO = "Thu, 01 Jan 1970 00:00:00 GMT"

Side = Literal["a", "b"]
_fields: Any = {one.name: (Literal["a", "tie", "b"], ...) for one in DIMENSIONS}
Choices = create_model("Choices", __config__=ConfigDict(extra="forbid"), **_fields)


class Vote(BaseModel):
    """The body of a vote."""

    model_config = ConfigDict(extra="forbid")

    choices: Choices


class TooMany(MovaError):
    """More requests than a session or an address may make.

    Args:
        wait_s: until the next one is answered.
    """

    def __init__(self, wait_s: float) -> None:
        self.wait_s = math.ceil(wait_s)
        super().__init__(f"that was too fast: wait {self.wait_s} s and try again")


# What an error is over HTTP: the first class that it is an instance of.
ANSWERS: tuple[tuple[type[MovaError], int], ...] = (
    (ballots.UnknownBallot, 404),
    (ballots.AlreadyVoted, 409),
    (ballots.ExpiredBallot, 410),
    (StaleError, 410),
    (TooMany, 429),
    (MovaError, 500),
)


class Limits:
    """What may be asked for: bursts, and a constant rate after them."""

    def __init__(self) -> None:
        self.requests = TokenBuckets(burst=120, per_s=4)  # an address: perhaps several people
        self.sessions = TokenBuckets(burst=20, per_s=1 / 30)  # an address
        self.votes = TokenBuckets(burst=6, per_s=1 / 4)  # a session: to watch two clips takes longer


def create_app(engine: sa.Engine, root: Path, hosts: Sequence[str], seed: int, limits: Limits | None = None) -> FastAPI:
    """The application.

    Args:
        engine: the registry.
        root: the project's folder, where the clips lie.
        hosts: values of the Host header that are answered, such as `127.0.0.1:4300`.
        seed: of sides and pairs; keep it from those who vote.
        limits: how much may be asked for; None: as above.
    """
    app = FastAPI(title="MOVA arena", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, hosts=hosts)
    _answer_errors(app)
    page, limits = arena_page(), limits or Limits()

    @app.get("/")
    def index() -> HTMLResponse:
        headers = {"content-security-policy": page.policy, "cache-control": "no-store", **PLAIN}
        return HTMLResponse(page.html, headers=headers)

    @app.post("/api/pair")
    async def pair(request: Request) -> JSONResponse:
        _take(limits.requests, _address(request))
        cookie = await _known_cookie(engine, request)
        if is_new := cookie is None:
            _take(limits.sessions, _address(request))
            cookie = secrets.token_urlsafe(COOKIE_BYTES)
        shown = await run_in_threadpool(ballots.issue, engine, session_of(cookie), seed)
        answer = JSONResponse(_pair(shown), headers={"cache-control": "no-store"})
        if is_new and shown is not None:
            _set_cookie(answer, cookie, secure=request.url.scheme == "https")
        return answer

    @app.get("/api/pairs/{ballot_id}/{side}")
    def clip(request: Request, ballot_id: str, side: Side) -> FileResponse:
        shown = ballots.shown_clip(engine, _session(request), ballot_id, side)
        tag = hashlib.sha256(f"{ballot_id}{side}".encode()).hexdigest()[:16]
        # Not the file's own tag and date, which are the same in every session.
        headers = {"cache-control": "private, max-age=3600", "etag": f'"{tag}"', "last-modified": LONG_AGO, **PLAIN}
        return FileResponse(_intact(root, shown), media_type="video/mp4", headers=headers)

    @app.post("/api/pairs/{ballot_id}/vote")
    async def vote(request: Request, ballot_id: str, body: Vote) -> JSONResponse:
        _take(limits.requests, _address(request))
        session_id = _session(request)
        _take(limits.votes, session_id)
        choices: dict[str, str] = body.choices.model_dump()
        await run_in_threadpool(ballots.cast, engine, session_id, ballot_id, choices)
        return JSONResponse({"voted": True}, headers={"cache-control": "no-store"})

    return app


def session_of(cookie: str) -> str:
    """What the registry calls the holder of a cookie: who reads the registry cannot vote for them."""
    return hashlib.sha256(cookie.encode()).hexdigest()


def _pair(shown: Shown | None) -> dict[str, Any]:
    if shown is None:
        return {"pair": None}
    return {"pair": shown.ballot_id, "prompt": shown.prompt, "voted": shown.voted, "pairs": shown.pairs}


async def _known_cookie(engine: sa.Engine, request: Request) -> str | None:
    """The request's cookie if it is one that was given out: others could be made up without end."""
    cookie = request.cookies.get(COOKIE, "")
    if COOKIE_FORM.fullmatch(cookie) is None:
        return None
    was_given_out = await run_in_threadpool(ballots.has_ballots, engine, session_of(cookie))
    return cookie if was_given_out else None


def _session(request: Request) -> str:
    return session_of(request.cookies.get(COOKIE, ""))


def _set_cookie(answer: Response, cookie: str, *, secure: bool) -> None:
    answer.set_cookie(COOKIE, cookie, max_age=COOKIE_LASTS_S, httponly=True, samesite="strict", secure=secure)


def _address(request: Request) -> str:
    return network_of(request.client.host if request.client else "")


def _take(buckets: TokenBuckets, key: str) -> None:
    if wait_s := buckets.take(key):
        raise TooMany(wait_s)


def _intact(root: Path, clip: ArenaClip) -> Path:
    """The file of a clip, unless it is no longer what was added."""
    path = root / clip.path
    try:
        status = path.stat()
        digest = _digest(path, status.st_mtime_ns, status.st_size)
    except OSError:
        digest = None
    if digest != clip.sha256:
        raise StaleError("this clip is gone or was altered: tell whoever runs the arena to add it again")
    return path


@lru_cache(maxsize=4096)
def _digest(path: Path, modified_ns: int, size: int) -> str:
    """sha256 of a file, read once while it stays as it is."""
    return sha256_file(path)


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(MovaError)
    def foreseen(request: Request, error: MovaError) -> Response:
        status = next(status for kind, status in ANSWERS if isinstance(error, kind))
        headers = {"retry-after": str(error.wait_s)} if isinstance(error, TooMany) else None
        return JSONResponse({"error": str(error)}, status, headers)

    @app.exception_handler(RequestValidationError)
    def wrong_body(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"][1:])) or "the body"
        return JSONResponse({"error": f"{where[:80]}: {first['msg'][:200]}"}, 422)

    @app.exception_handler(HTTPException)
    def wrong_place(request: Request, error: HTTPException) -> Response:
        return JSONResponse({"error": f"{request.method} {request.url.path[:200]}: {error.detail}"}, error.status_code)

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:  # the server logs it as well
        return JSONResponse({"error": f"unexpected {type(error).__name__}: see the arena's log"}, 500)
