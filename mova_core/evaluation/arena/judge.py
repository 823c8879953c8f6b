"""`mova arena judge`: a vision-language model votes on the arena's pairs, apart from people.

Each pair is judged once by a model of one name; an interrupted run goes on where it ended. An answer that cannot be
used costs that pair's vote; an endpoint that fails ends the run.
"""

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run
from mova_core.endpoints.ask import UnusableAnswer, ask
from mova_core.endpoints.endpoint import Endpoint
from mova_core.errors import MovaError, UsageError
from mova_core.evaluation.arena.judge_frames import THIS, ClipFile, frames_of
from mova_core.evaluation.arena.judge_question import agreed, verdict_question
from mova_core.params import Limits
from mova_core.places import ARENA_ANSWERS
from mova_core.progress import track
from mova_core.registry.arena.ballots import MODEL, Pair, all_pairs
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import ArenaBallot, ArenaClip
from mova_core.storage.result_cache import ResultCache


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair with its prompt and the frames of both clips, JPEG files."""

    pair: Pair
    prompt: str
    low: Sequence[bytes]
    high: Sequence[bytes]


def judge(engine: sa.Engine, root: Path, endpoint: Endpoint | None) -> dict[str, Any]:
    """Have a model vote on every pair that it has not voted on.

    Args:
        engine: the registry.
        root: the project's folder.
        endpoint: of the model; None: the environment names none.

    Returns:
        `model`, `pairs`, `judged` now, `unusable` (reasons of pairs without a vote), `text`.

    Raises:
        UsageError: no endpoint, or one that does not answer.
        EndpointError: it fails; what was judged before is kept.
        StaleError: a clip is gone or was altered.
        MovaError: a clip cannot be decoded.
    """
    if endpoint is None:
        raise UsageError("MOVA_VLM_URL is not set: name the endpoint of a vision-language model, see `mova doctor`")
    endpoint.check_reachable()
    with reading(engine) as session:
        pairs = list(all_pairs(session))
        mine = sa.select(ArenaBallot.pair).where(ArenaBallot.judge == MODEL, ArenaBallot.session == endpoint.model)
        done = set(session.scalars(mine))
        clips = {clip.clip_id: clip for clip in session.scalars(sa.select(ArenaClip))}
        session.expunge_all()
    left = [pair for pair in pairs if pair.name not in done]
    answers, judged, unusable = ResultCache(ARENA_ANSWERS.name, root / ARENA_ANSWERS.parent), 0, list[str]()
    for shown in track(_with_frames(left, clips, root), len(left), "arena judge"):
        try:
            choices = _choices(endpoint, shown, answers)
        except UnusableAnswer as error:
            unusable.append(f"pair {shown.pair.name}: {error}")
            continue
        _record(engine, endpoint.model, shown.pair, choices)
        judged += 1
    text = f"{endpoint.model}: {judged} of {len(left)} pairs judged, {len(pairs)} in the arena"
    lines = [text, *(f"  no vote: {reason}" for reason in unusable)]
    return {
        "model": endpoint.model,
        "pairs": len(pairs),
        "judged": judged,
        "unusable": unusable,
        "text": "\n".join(lines),
    }


def _with_frames(pairs: Sequence[Pair], clips: dict[int, ArenaClip], root: Path) -> Iterator[Judged]:
    """The pairs in turn; frames are kept only as long as pairs of the same prompt follow."""
    wanted = list(dict.fromkeys(clip_id for pair in pairs for clip_id in (pair.low, pair.high)))
    if not wanted:
        return
    tasks = [ClipFile(root / clips[clip_id].path, clips[clip_id].sha256) for clip_id in wanted]
    chosen = Engine.choose()
    engine = replace(chosen, workers=min(chosen.workers, len(tasks)))
    results = run(frames_of, tasks, engine=engine, limits=Limits(), preload=("av", THIS))
    found, kept = zip(wanted, results, strict=True), dict[int, Any]()
    prompt_id = ""
    for pair in pairs:
        if clips[pair.low].prompt_id != prompt_id:
            prompt_id, kept = clips[pair.low].prompt_id, {}
        while not {pair.low, pair.high} <= kept.keys():
            clip_id, result = next(found)
            if result.failed:
                raise MovaError(f"{clips[clip_id].path} cannot be judged ({result.reason_code}): {result.reason}")
            kept[clip_id] = result.value
        yield Judged(pair, clips[pair.low].prompt, kept[pair.low], kept[pair.high])


def _choices(endpoint: Endpoint, shown: Judged, answers: ResultCache) -> dict[str, str]:
    """What the model chooses, with the clip of the lower id as A."""
    verdict = ask(endpoint, verdict_question(shown.prompt, shown.low, shown.high), answers).answer
    swapped = ask(endpoint, verdict_question(shown.prompt, shown.high, shown.low), answers).answer
    return agreed(verdict, swapped)


def _record(engine: sa.Engine, model: str, pair: Pair, choices: dict[str, str]) -> None:
    now = time.time()
    with writing(engine) as session:
        session.add(
            ArenaBallot(
                ballot_id=secrets.token_hex(16),
                judge=MODEL,
                session=model,
                pair=pair.name,
                clip_a=pair.low,
                clip_b=pair.high,
                issued_at=now,
                voted_at=now,
                choices=choices,
            )
        )
