"""Asks a service for videos over HTTP. A request that got no answer is sent again under the same Idempotency-Key, so
that no video is made twice."""

import base64
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mova_core.errors import MovaError, UsageError
from mova_core.storage.atomic import atomic_path
from services.client.video import Video

if TYPE_CHECKING:
    import httpx

KEY_VARIABLE = "MOVA_API_KEY"
DEFAULT_URL = "http://127.0.0.1:3000"
ANSWER_WITHIN_S = 60.0
PAUSES_S = (0.2, 1.0, 3.0)  # before a request that got no answer is sent again
LOOK_EVERY_S = 0.5

Variant = Literal["video", "thumbnail", "spritesheet", "audio"]


class ServiceUnreachable(MovaError):
    """No answer, however often it was asked for."""


class ServiceRefused(UsageError):
    """An answer that says what is wrong.

    Args:
        message: the service's sentence.
        status: of the answer.
        code: the service's stable word.
    """

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class VideoClient:
    """Talks to one service.

    Args:
        url: where it answers, without /v1.
        key: sent as a bearer token, for services that ask for one; None: `$MOVA_API_KEY`, if it is set.
        transport: in place of the network.
    """

    def __init__(
        self, url: str = DEFAULT_URL, key: str | None = None, transport: "httpx.BaseTransport | None" = None
    ) -> None:
        import httpx  # not above: every `mova` command imports the commands beside this file

        self.url = url.rstrip("/")
        key = _checked(os.environ.get(KEY_VARIABLE, "") if key is None else key)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(
            base_url=f"{self.url}/v1", headers=headers, timeout=ANSWER_WITHIN_S, transport=transport
        )

    def __enter__(self) -> "VideoClient":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def create(self, prompt: str, **fields: Any) -> Video:
        """Ask for a video.

        Args:
            prompt: what it shows and what is audible.
            **fields: others of `POST /v1/videos`, such as `seconds`, `seed`, `steps`; a Path is sent as a file.

        Raises:
            ServiceRefused: a field that cannot be, or no room in the queue.
            ServiceUnreachable: no answer.
        """
        return self._post("/videos", {"prompt": prompt, **fields})

    def remix(self, video_id: str, prompt: str, **fields: Any) -> Video:
        """The same video with other words; errors as of `create`."""
        return self._post(f"/videos/{video_id}/remix", {"prompt": prompt, **fields})

    def extend(self, video_id: str, prompt: str, seconds: float, **fields: Any) -> Video:
        """A longer video that begins as this one; errors as of `create`."""
        return self._post(f"/videos/{video_id}/extend", {"prompt": prompt, "seconds": seconds, **fields})

    def edit(self, video_id: str, prompt: str, **fields: Any) -> Video:
        """A part of a video anew: `retake="0.5:1.25"`, or `keep="video"` or `"audio"`; errors as of `create`."""
        return self._post(f"/videos/{video_id}/edit", {"prompt": prompt, **fields})

    def plan(self, prompt: str, **fields: Any) -> dict[str, Any]:
        """What a video would take: expected_s, waiting_s, price; errors as of `create`."""
        return self._json("POST", "/videos/plan", json=_encoded({"prompt": prompt, **fields}))

    def get(self, video_id: str) -> Video:
        """A video as it is now; errors as of `create`."""
        return Video.of(self._json("GET", f"/videos/{video_id}"))

    def list(self, limit: int | None = None) -> Iterator[Video]:
        """Videos, newest first.

        Args:
            limit: how many at most; None: all.
        """
        after: dict[str, str] = {}
        left = limit
        while left is None or left > 0:
            size = 100 if left is None else min(100, left)
            page = self._json("GET", "/videos", params={"limit": size, **after})
            yield from map(Video.of, page["data"])
            if not page["has_more"]:
                return
            after, left = {"after": page["last_id"]}, None if left is None else left - len(page["data"])

    def cancel(self, video_id: str) -> Video:
        """End a video that waits or is in work; errors as of `create`."""
        return Video.of(self._json("POST", f"/videos/{video_id}/cancel"))

    def delete(self, video_id: str) -> None:
        """Remove a video and its files; errors as of `create`."""
        self._json("DELETE", f"/videos/{video_id}")

    def wait(
        self, video_id: str, timeout_s: float | None = None, on_change: Callable[[Video], object] = lambda video: None
    ) -> Video:
        """A video once it is finished, however it ended.

        Args:
            video_id: of which.
            timeout_s: as long at most; None: without an end.
            on_change: told the video each time that it was looked at.

        Raises:
            MovaError: it is not finished in time.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not (video := self.get(video_id)).is_finished:
            on_change(video)
            if deadline is not None and time.monotonic() > deadline:
                raise MovaError(f"video {video_id} is {video.status} after {timeout_s:g} s: wait longer, or cancel it")
            time.sleep(LOOK_EVERY_S)
        on_change(video)
        return video

    def download(self, video_id: str, path: Path, variant: Variant = "video") -> None:
        """Write a form of a finished video to a file, whole or not there; errors as of `create`."""

        def fetch() -> None:
            with self._http.stream("GET", f"/videos/{video_id}/content", params={"variant": variant}) as answer:
                if answer.is_error:
                    answer.read()
                    raise _refused(answer)
                with atomic_path(path) as temporary, temporary.open("wb") as file:
                    for piece in answer.iter_bytes():
                        file.write(piece)

        self._again(fetch)

    def _post(self, path: str, fields: dict[str, Any]) -> Video:
        headers = {"idempotency-key": str(uuid.uuid4())}
        return Video.of(self._json("POST", path, json=_encoded(fields), headers=headers))

    def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self._again(lambda: self._http.request(method, path, **options))
        if answer.is_error:
            raise _refused(answer)
        found: dict[str, Any] = answer.json()
        return found

    def _again(self, ask: Callable[[], Any]) -> Any:
        """The answer, asked for several times where none comes."""
        import httpx

        for pause_s in (*PAUSES_S, None):
            try:
                return ask()
            except (httpx.InvalidURL, UnicodeError):
                raise UsageError(f"{self.url[:80]!r} is no address, expected one such as {DEFAULT_URL}") from None
            except httpx.TransportError as error:
                if pause_s is None:
                    raise ServiceUnreachable(
                        f"{self.url} does not answer ({type(error).__name__}): start the service with `mova serve`, "
                        "or name another one with --url"
                    ) from None
                time.sleep(pause_s)
        raise AssertionError


def _encoded(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields as JSON holds them: files in base64, and nothing that was not given."""
    encoded = {}
    for name, value in fields.items():
        if isinstance(value, Path):
            try:
                encoded[name] = base64.b64encode(value.read_bytes()).decode()
            except OSError as error:
                raise UsageError(f"{value} cannot be read ({error.strerror}): expected a file for {name}") from None
        elif value is not None:
            encoded[name] = value
    return encoded


def _checked(key: str) -> str:
    """A key that a header can hold; its text is not repeated."""
    key = key.strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise UsageError(f"the API key (${KEY_VARIABLE}) holds characters that no key has: copy it once more")
    return key


def _refused(answer: "httpx.Response") -> MovaError:
    try:
        error = answer.json()["error"]
        return ServiceRefused(str(error["message"]), answer.status_code, str(error["code"]))
    except (ValueError, KeyError, TypeError):
        return MovaError(f"{answer.request.url} answered {answer.status_code}, and not as the video API does")
