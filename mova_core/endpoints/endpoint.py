"""Where a model of others answers: an OpenAI-compatible endpoint, named by the environment.

    MOVA_VLM_URL  MOVA_VLM_MODEL  MOVA_VLM_KEY    vision-language model: describes frames
    MOVA_LLM_URL  MOVA_LLM_MODEL  MOVA_LLM_KEY    language model: rewrites a prompt, merges a caption
    MOVA_ALM_URL  MOVA_ALM_MODEL  MOVA_ALM_KEY    audio language model: describes audio
    MOVA_ASR_URL  MOVA_ASR_MODEL  MOVA_ASR_KEY    speech recognition: writes what is said in a clip

A URL is what stands before `/chat/completions` or `/audio/transcriptions`, such as http://127.0.0.1:8000/v1. Without a
key none is sent. A key is never part of a message or a file, nor is it sent anywhere else: redirects are not followed.
"""

import os
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from mova_core.errors import UsageError
from mova_core.printable import printable

EndpointKind = Literal["VLM", "LLM", "ALM", "ASR"]
MODELS: dict[EndpointKind, str] = {
    "VLM": "describes frames",
    "LLM": "rewrites prompts and merges captions",
    "ALM": "describes audio",
    "ASR": "writes what is said",
}
METHODS = ("/chat/completions", "/audio/transcriptions")  # of the protocol
REACH_S = 0.8  # to connect: nobody there is said within the first second
SHOWN = 200  # characters of an error's text


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One model, and where it answers.

    Args:
        kind: as in the names of its variables.
        url: without a slash at the end.
        model: its name there.
        key: sent as a bearer token; None for none.
    """

    kind: EndpointKind
    url: str
    model: str
    key: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls, kind: EndpointKind) -> "Endpoint | None":
        """The endpoint that the environment names, or None.

        Raises:
            UsageError: its URL cannot be one, or its model is not named.
        """
        url, model, key = (os.environ.get(f"MOVA_{kind}_{name}", "").strip() for name in ("URL", "MODEL", "KEY"))
        if not url:
            return None
        _check_url(f"MOVA_{kind}_URL", url)
        if not model:
            raise UsageError(
                f"MOVA_{kind}_URL is set and MOVA_{kind}_MODEL is not: set it to the name of a model that answers there"
            )
        if not key.isascii() or not (key or "-").isprintable():
            raise UsageError(f"MOVA_{kind}_KEY has a character that no key has: set it to the key alone")
        return cls(kind, url.rstrip("/"), model, key or None)

    @property
    def headers(self) -> dict[str, str]:
        """Those of every request. An answer that is not compressed can be limited before it is unpacked."""
        return {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})

    def __str__(self) -> str:
        return f"MOVA_{self.kind}_URL {self.url}"

    def check_reachable(self) -> None:
        """Ask for the list of models, which costs nothing; a server without one that answers at all is there.

        Raises:
            UsageError: nobody answers, the key is refused, or the endpoint has moved.
        """
        import httpx

        remedy = f"start it or correct MOVA_{self.kind}_URL"
        try:
            with (
                httpx.Client(timeout=REACH_S, headers=self.headers) as client,
                client.stream("GET", f"{self.url}/models") as response,
            ):
                status = response.status_code
        except httpx.ReadTimeout:
            return  # it has taken the request: how long an answer may take is another matter
        except httpx.HTTPError as error:
            told = self.without_key(str(error)) or type(error).__name__
            raise UsageError(f"{self} cannot be reached ({told}): {remedy}") from None
        if status in (401, 403):
            raise UsageError(f"{self} refuses the key (HTTP {status}): set MOVA_{self.kind}_KEY to one that it takes")
        if 300 <= status < 400:
            raise UsageError(f"{self} redirects (HTTP {status}), which is not followed: {remedy}")

    def without_key(self, text: str) -> str:
        """A text from outside as a message may hold it: short, without this key and without control characters."""
        hidden = text.replace(self.key, "…") if self.key else text
        return printable(" ".join(hidden.split())[:SHOWN])


def _check_url(variable: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or brackets that do not match
        usable = False
    else:
        usable = usable and not (parts.username or parts.password or parts.query or parts.fragment)
    if usable and (method := next((each for each in METHODS if parts.path.rstrip("/").endswith(each)), None)):
        raise UsageError(f"{variable} ends in {method}, expected what stands before that: leave it out")
    if not usable or not url.isascii() or not url.isprintable() or " " in url:  # it may hold a key: not shown
        raise UsageError(
            f"{variable} is not http(s)://HOST[:PORT][/PATH], such as http://127.0.0.1:8000/v1: write it so, and a key "
            f"into {variable.removesuffix('URL')}KEY"
        )
