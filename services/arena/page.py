"""The arena's page: one file without foreign scripts, and the policy that keeps any others from running on it."""

import base64
import hashlib
import re
from dataclasses import asdict, dataclass
from importlib.resources import files

from mova_core.evaluation.arena.dimensions import DIMENSIONS
from mova_core.reporting.templates import render

PARTS = ("arena.html", "arena.css", "arena.js")
INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """The page as it is sent, and its Content-Security-Policy."""

    html: str
    policy: str


def arena_page() -> Page:
    """The page; it names no contender."""
    folder = files("services.arena")
    parts = {name: (folder / name).read_text(encoding="utf-8") for name in PARTS}
    html = render("arena.html", {"title": "MOVA arena", "dimensions": [asdict(one) for one in DIMENSIONS]}, parts)
    return Page(html, _policy(html))


def _policy(html: str) -> str:
    """Only what this page holds may run, and only this server may be asked."""
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, content in INLINE.findall(html):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        hashes[kind].append(f"'sha256-{digest}'")
    return (
        f"default-src 'none'; script-src {' '.join(hashes['script'])}; style-src {' '.join(hashes['style'])}; "
        "media-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
