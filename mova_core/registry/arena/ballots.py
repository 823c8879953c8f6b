"""Ballots: two clips shown to one session, which may vote on them once.

A session is given the pair of clips that has the fewest votes, so that all pairs of contenders are covered evenly at
every prompt; who stands at side A is drawn per session and pair. A ballot that is not used within BALLOT_LASTS_S
expires, and its pair is given to somebody else. The unique key (session, pair) keeps a vote from being cast twice, also
by requests that come at the same moment.
"""

import random
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, groupby

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import MovaError
from mova_core.registry.arena.clips import LOCK
from mova_core.registry.database.connection import only_one, reading, writing
from mova_core.registry.database.tables import ArenaBallot, ArenaClip

HUMAN, MODEL = "human", "model"
BALLOT_LASTS_S = 3600.0


class UnknownBallot(MovaError):
    """There is no such ballot, or it was given to another session."""


class ExpiredBallot(MovaError):
    """The ballot was not used in time."""


class AlreadyVoted(MovaError):
    """The session has voted on this pair."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a session is shown.

    Args:
        ballot_id: random, says nothing of the clips.
        prompt: what both clips were made from.
        voted: pairs that the session has voted on.
        pairs: all there are.
    """

    ballot_id: str
    prompt: str
    voted: int
    pairs: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two clips of one prompt by different contenders, the one with the lower id first."""

    low: int
    high: int
    contenders: tuple[str, str]

    @property
    def name(self) -> str:
        return f"{self.low}-{self.high}"


def issue(engine: sa.Engine, session_id: str, seed: int) -> Shown | None:
    """The pair that a session should see: the one it has open, else the one with the fewest votes.

    Args:
        engine: the registry.
        session_id: of the session.
        seed: of the sides, and of the choice among pairs with equally many votes; whoever votes must not know it.

    Returns:
        None when the session has voted on every pair.
    """
    with writing(engine) as session:
        only_one(session, LOCK)
        now = time.time()
        session.execute(sa.delete(ArenaBallot).where(_is_open(), ArenaBallot.issued_at <= now - BALLOT_LASTS_S))
        mine = session.scalars(sa.select(ArenaBallot).where(ArenaBallot.session == session_id)).all()
        pairs = list(all_pairs(session))
        ballot = next((ballot for ballot in mine if ballot.voted_at is None), None)
        if ballot is None:
            lots = random.Random(f"{seed} {session_id}")
            pair = _fewest_votes(session, pairs, {ballot.pair for ballot in mine}, lots)
            if pair is None:
                return None
            ballot = _ballot(pair, session_id, seed, now)
            session.add(ballot)
            session.flush()
        prompt = session.get_one(ArenaClip, ballot.clip_a).prompt
        voted = sum(ballot.voted_at is not None for ballot in mine)
        return Shown(ballot.ballot_id, prompt, voted, len(pairs))


def cast(engine: sa.Engine, session_id: str, ballot_id: str, choices: dict[str, str]) -> None:
    """Turn a ballot into a vote.

    Args:
        engine: the registry.
        session_id: whose ballot it must be.
        ballot_id: the ballot.
        choices: `a`, `tie` or `b` by dimension, checked by the caller.

    Raises:
        UnknownBallot, ExpiredBallot, AlreadyVoted: it cannot be used; nothing is changed.
    """
    now = time.time()
    usable = (_of(session_id, ballot_id), _is_open(), ArenaBallot.issued_at > now - BALLOT_LASTS_S)
    vote = sa.update(ArenaBallot).where(*usable).values(voted_at=now, choices=choices).returning(ArenaBallot.ballot_id)
    with writing(engine) as session:
        if session.scalar(vote, execution_options={"synchronize_session": False}) is not None:
            return
        ballot = session.scalar(sa.select(ArenaBallot).where(_of(session_id, ballot_id)))
        if ballot is None:
            raise UnknownBallot("this pair is not yours or is known no more: ask for the next one")
        if ballot.voted_at is not None:
            raise AlreadyVoted("you have voted on this pair, and a vote is cast once: ask for the next one")
        raise ExpiredBallot(f"this pair was shown over {BALLOT_LASTS_S / 60:g} minutes ago: ask for the next one")


def shown_clip(engine: sa.Engine, session_id: str, ballot_id: str, side: str) -> ArenaClip:
    """The clip at side `a` or `b` of a session's ballot.

    Raises:
        UnknownBallot: no such ballot of this session.
    """
    with reading(engine) as session:
        ballot = session.scalar(sa.select(ArenaBallot).where(_of(session_id, ballot_id)))
        if ballot is None:
            raise UnknownBallot("this pair is not yours or is known no more: ask for the next one")
        clip = session.get_one(ArenaClip, ballot.clip_a if side == "a" else ballot.clip_b)
        session.expunge(clip)
    return clip


def has_ballots(engine: sa.Engine, session_id: str) -> bool:
    """Whether a session was ever shown a pair that is still on record."""
    with reading(engine) as session:
        query = sa.select(ArenaBallot.ballot_id).where(ArenaBallot.session == session_id).limit(1)
        return session.scalar(query) is not None


def all_pairs(session: Session) -> Iterator[Pair]:
    """Every two clips of one prompt and take by different contenders."""
    key = ArenaClip.prompt_id, ArenaClip.take
    rows = session.execute(
        sa.select(*key, ArenaClip.clip_id, ArenaClip.contender).order_by(*key, ArenaClip.clip_id)
    ).all()
    for _, together in groupby(rows, lambda row: (row.prompt_id, row.take)):
        for low, high in combinations(together, 2):
            yield Pair(low.clip_id, high.clip_id, (low.contender, high.contender))


def sided(pair: Pair, seed: int, session_id: str) -> tuple[int, int]:
    """The clips of a pair as a session sees them, side A first."""
    swapped = random.Random(f"{seed} {session_id} {pair.name}").random() < 0.5
    return (pair.high, pair.low) if swapped else (pair.low, pair.high)


def _ballot(pair: Pair, session_id: str, seed: int, now: float) -> ArenaBallot:
    """A new ballot of a session."""
    clip_a, clip_b = sided(pair, seed, session_id)
    return ArenaBallot(
        ballot_id=secrets.token_hex(16),
        judge=HUMAN,
        session=session_id,
        pair=pair.name,
        clip_a=clip_a,
        clip_b=clip_b,
        issued_at=now,
    )


def _fewest_votes(session: Session, pairs: list[Pair], seen: set[str], rng: random.Random) -> Pair | None:
    """A pair that is not among those seen: fewest votes on the clips first, then on their contenders, then by lot."""
    counts = sa.select(ArenaBallot.pair, sa.func.count()).where(ArenaBallot.judge == HUMAN).group_by(ArenaBallot.pair)
    votes: Counter[str] = Counter({name: count for name, count in session.execute(counts)})
    of_contenders: Counter[frozenset[str]] = Counter()
    for pair in pairs:
        of_contenders[frozenset(pair.contenders)] += votes[pair.name]
    left = [pair for pair in pairs if pair.name not in seen]
    lots = {pair.name: rng.random() for pair in left}
    return min(
        left,
        key=lambda pair: (votes[pair.name], of_contenders[frozenset(pair.contenders)], lots[pair.name]),
        default=None,
    )


def _of(session_id: str, ballot_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(ArenaBallot.ballot_id == ballot_id, ArenaBallot.session == session_id)


def _is_open() -> sa.ColumnElement[bool]:
    return ArenaBallot.voted_at.is_(None)
