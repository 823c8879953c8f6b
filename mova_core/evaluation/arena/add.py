"""`mova arena add`: a folder of clips becomes a contender of the arena."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run
from mova_core.errors import MovaError, UsageError
from mova_core.evaluation.arena.clip_copy import THIS, ToCopy, copy_clip
from mova_core.evaluation.arena.prompts import PromptedClip, prompted_clips
from mova_core.params import Limits
from mova_core.places import ARENA_CLIPS
from mova_core.printable import printable
from mova_core.progress import track
from mova_core.registry.arena.ballots import all_pairs
from mova_core.registry.arena.clips import NewClip, record_clips
from mova_core.registry.database.connection import reading, writing

LONGEST_NAME = 100


def add(engine: sa.Engine, name: str, folder: Path, prompts: Path | None, root: Path) -> dict[str, Any]:
    """Copy a folder's clips and record them as a contender's; what it has already is passed over.

    Args:
        engine: the registry.
        name: of the contender, such as a checkpoint id.
        folder: of .mp4 files.
        prompts: JSONL file of their prompts; None: see `prompts.py`.
        root: the project's folder.

    Returns:
        `contender`, `clips` found, `added`, `rejected` (path, reason code and reason), `pairs` of the whole arena,
        `text`.

    Raises:
        UsageError: an unusable name, or see `prompted_clips`.
        MovaError: not one of the clips can be shown.
    """
    if not name.strip() or printable(name) != name or len(name) > LONGEST_NAME:
        raise UsageError(f"--name is {printable(name)[:80]!r}, expected 1 to {LONGEST_NAME} printable characters")
    found = prompted_clips(folder, prompts)
    there = [clip for clip in found if clip.lies_in(folder)]
    copied, rejected = _copied(there, root)
    rejected += [_lost(clip, "missing", f"no such file in {folder}") for clip in found if clip not in there]
    if not copied:
        raise MovaError(f"none of the {len(found)} clips in {folder} can be shown; the first: {rejected[0]['reason']}")
    with writing(engine) as session:
        added = record_clips(session, name, copied)
    with reading(engine) as session:
        pairs = sum(1 for _ in all_pairs(session))
    summary = {"contender": name, "clips": len(found), "added": added, "rejected": rejected, "pairs": pairs}
    return summary | {"text": _text(summary)}


def _copied(clips: Sequence[PromptedClip], root: Path) -> tuple[list[NewClip], list[dict[str, str]]]:
    """Clips that were copied, and those that cannot be shown."""
    tasks = [ToCopy(clip.path, root / ARENA_CLIPS) for clip in clips]
    chosen = Engine.choose()
    engine = replace(chosen, workers=min(chosen.workers, len(tasks)))
    results = run(copy_clip, tasks, engine=engine, limits=Limits(), preload=("av", THIS))
    copied, rejected = list[NewClip](), list[dict[str, str]]()
    for clip, result in zip(clips, track(results, len(clips), "arena add"), strict=True):
        if result.failed:
            rejected.append(_lost(clip, str(result.reason_code), str(result.reason)))
            continue
        source, digest = result.value
        copied.append(NewClip(clip.prompt, (ARENA_CLIPS / f"{source}.mp4").as_posix(), digest, source))
    return copied, rejected


def _lost(clip: PromptedClip, code: str, reason: str) -> dict[str, str]:
    return {"path": str(clip.path), "reason_code": code, "reason": reason}


def _text(summary: dict[str, Any]) -> str:
    lines = [
        f"{summary['contender']}: {summary['added']} of {summary['clips']} clips added, "
        f"{summary['pairs']} pairs to compare in the arena"
    ]
    lines += [f"  left out: {printable(lost['path'])} ({lost['reason']})" for lost in summary["rejected"]]
    if not summary["pairs"]:
        lines.append("  no pair yet: add another contender that has clips of the same prompts")
    return "\n".join(lines)
