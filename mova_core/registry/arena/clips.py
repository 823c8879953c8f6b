"""Rows of `arena_clips`: what contenders made of prompts. Rows are added, never changed: votes refer to them."""

import hashlib
import time
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.registry.database.connection import only_one
from mova_core.registry.database.tables import ArenaClip

LOCK = "arena"
PROMPT_ID_DIGITS = 16


@dataclass(frozen=True, slots=True)
class NewClip:
    """A clip to add.

    Args:
        prompt: what it was made from.
        path: of the copy that is shown, from the project's folder.
        sha256: of that copy.
        source_sha256: of the file it was copied from.
    """

    prompt: str
    path: str
    sha256: str
    source_sha256: str


def known_sources(session: Session, contender: str) -> set[tuple[str, str]]:
    """Prompt id and sha256 of each file that was added for a contender."""
    query = sa.select(ArenaClip.prompt_id, ArenaClip.source_sha256).where(ArenaClip.contender == contender)
    return {(prompt_id, digest) for prompt_id, digest in session.execute(query)}


def record_clips(session: Session, contender: str, clips: list[NewClip]) -> int:
    """Add clips of a contender behind those that it has; a file that it has of the same prompt is passed over.

    Args:
        session: a session that writes.
        contender: whose.
        clips: in the order in which takes of one prompt are counted.

    Returns:
        How many were added.
    """
    only_one(session, LOCK)
    known, added = known_sources(session, contender), 0
    for clip in clips:
        prompt_id = prompt_id_of(clip.prompt)
        if (prompt_id, clip.source_sha256) in known:
            continue
        known.add((prompt_id, clip.source_sha256))
        mine = ArenaClip.contender == contender, ArenaClip.prompt_id == prompt_id
        take = session.scalar(sa.select(sa.func.count()).select_from(ArenaClip).where(*mine)) or 0
        values = {"path": clip.path, "sha256": clip.sha256, "source_sha256": clip.source_sha256}
        session.add(
            ArenaClip(
                contender=contender,
                prompt_id=prompt_id,
                prompt=clip.prompt,
                take=take,
                added_at=time.time(),
                **values,
            )
        )
        session.flush()
        added += 1
    return added


def prompt_id_of(prompt: str) -> str:
    """Short name of a prompt: prompts themselves can be too long for an index."""
    return hashlib.sha256(prompt.encode()).hexdigest()[:PROMPT_ID_DIGITS]
