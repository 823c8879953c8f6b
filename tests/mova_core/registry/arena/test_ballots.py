"""Who is shown what, and that a vote is cast once."""

import threading
from collections import Counter
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from mova_core.registry.arena.ballots import (
    BALLOT_LASTS_S,
    AlreadyVoted,
    ExpiredBallot,
    Pair,
    Shown,
    UnknownBallot,
    all_pairs,
    cast,
    has_ballots,
    issue,
    shown_clip,
    sided,
)
from mova_core.registry.arena.clips import NewClip, record_clips
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import ArenaBallot, ArenaClip

SEED = 5
CHOICES = {"overall": "a"}


def add(engine: sa.Engine, contender: str, prompts: list[str]) -> int:
    clips = [NewClip(prompt, f"{contender}{place}.mp4", "c" * 64, f"{place}") for place, prompt in enumerate(prompts)]
    with writing(engine) as session:
        return record_clips(session, contender, clips)


@pytest.fixture
def arena(engine: sa.Engine) -> sa.Engine:
    """Three contenders, two prompts: six pairs."""
    for contender in ("one", "two", "three"):
        add(engine, contender, ["a red ball", "a blue cube"])
    return engine


def shown(engine: sa.Engine, session_id: str) -> Shown:
    found = issue(engine, session_id, SEED)
    assert found is not None
    return found


def vote(engine: sa.Engine, session_id: str) -> None:
    cast(engine, session_id, shown(engine, session_id).ballot_id, CHOICES)


def ballots(engine: sa.Engine) -> list[ArenaBallot]:
    with reading(engine) as session:
        return list(session.scalars(sa.select(ArenaBallot)))


def age(engine: sa.Engine, seconds: float) -> None:
    """Make every ballot older."""
    with writing(engine) as session:
        session.execute(sa.update(ArenaBallot).values(issued_at=ArenaBallot.issued_at - seconds))


def at_once(call: Callable[[], object], count: int) -> list[object]:
    """What each of several simultaneous calls returned or raised."""
    results: list[object] = []
    barrier = threading.Barrier(count)

    def work() -> None:
        barrier.wait()
        try:
            results.append(call())
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_clips_pair_with_those_of_other_contenders_of_the_same_prompt_and_take(engine: sa.Engine) -> None:
    add(engine, "one", ["a ball", "a ball", "a cube"])
    add(engine, "two", ["a cube", "a ball"])
    add(engine, "three", ["a tree"])
    with reading(engine) as session:
        pairs = list(all_pairs(session))
        prompts = {session.get_one(ArenaClip, pair.low).prompt for pair in pairs}
        takes = {session.get_one(ArenaClip, pair.low).take for pair in pairs}
    assert len(pairs) == 2 and prompts == {"a ball", "a cube"} and takes == {0}
    assert {pair.contenders for pair in pairs} == {("one", "two")}


def test_adding_the_same_clips_again_adds_nothing_and_more_of_them_are_further_takes(engine: sa.Engine) -> None:
    assert add(engine, "one", ["a ball", "a ball"]) == 2
    assert add(engine, "one", ["a ball", "a ball"]) == 0
    assert add(engine, "one", ["a ball", "a ball", "a ball"]) == 1
    with reading(engine) as session:
        assert session.scalars(sa.select(ArenaClip.take).order_by(ArenaClip.clip_id)).all() == [0, 1, 2]


def test_a_session_sees_its_open_pair_again_and_every_pair_once(arena: sa.Engine) -> None:
    assert shown(arena, "s") == shown(arena, "s")
    for voted in range(6):
        now = shown(arena, "s")
        assert (now.voted, now.pairs) == (voted, 6)
        cast(arena, "s", now.ballot_id, CHOICES)
    assert issue(arena, "s", SEED) is None
    assert len({ballot.pair for ballot in ballots(arena)}) == 6


def test_pairs_and_contenders_are_covered_evenly(arena: sa.Engine) -> None:
    seen: Counter[str] = Counter()
    of_contenders: Counter[tuple[str, str]] = Counter()
    with reading(arena) as session:
        contenders = {pair.name: pair.contenders for pair in all_pairs(session)}
    for number in range(9):
        vote(arena, f"s{number}")
        seen = Counter(ballot.pair for ballot in ballots(arena))
        of_contenders = Counter(contenders[ballot.pair] for ballot in ballots(arena))
        counts = [seen[name] for name in contenders]
        assert max(counts) - min(counts) <= 1
        assert max(of_contenders.values()) - min(of_contenders[each] for each in contenders.values()) <= 1
    assert sum(seen.values()) == sum(of_contenders.values()) == 9


def test_sides_are_drawn_anew_for_each_session_and_pair_and_are_the_same_for_the_same_seed() -> None:
    pair = Pair(3, 8, ("one", "two"))
    drawn = [sided(pair, SEED, f"s{number}") for number in range(400)]
    assert drawn == [sided(pair, SEED, f"s{number}") for number in range(400)]
    assert 140 < drawn.count((3, 8)) < 260
    assert {sided(Pair(3, other, ("one", "two")), SEED, "s")[0] == 3 for other in range(10, 40)} == {True, False}


def test_a_ballot_shows_its_own_clips(arena: sa.Engine) -> None:
    now = shown(arena, "s")
    clips = [shown_clip(arena, "s", now.ballot_id, side) for side in ("a", "b")]
    assert {clip.prompt for clip in clips} == {now.prompt} and clips[0].contender != clips[1].contender
    with pytest.raises(UnknownBallot):
        shown_clip(arena, "other", now.ballot_id, "a")


def test_a_vote_is_kept_as_it_was_cast_and_is_cast_once(arena: sa.Engine) -> None:
    now = shown(arena, "s")
    cast(arena, "s", now.ballot_id, {"overall": "tie"})
    with pytest.raises(AlreadyVoted):
        cast(arena, "s", now.ballot_id, {"overall": "a"})
    (ballot,) = ballots(arena)
    assert ballot.choices == {"overall": "tie"} and ballot.voted_at is not None and ballot.judge == "human"


def test_votes_that_come_at_once_count_once(arena: sa.Engine) -> None:
    ballot_id = shown(arena, "s").ballot_id
    results = at_once(lambda: cast(arena, "s", ballot_id, CHOICES), 6)
    assert results.count(None) == 1
    assert sum(isinstance(result, AlreadyVoted) for result in results) == 5


def test_a_session_that_asks_several_times_at_once_gets_one_pair(arena: sa.Engine) -> None:
    assert len({str(result) for result in at_once(lambda: issue(arena, "s", SEED), 4)}) == 1
    assert len(ballots(arena)) == 1


def test_the_database_itself_refuses_a_second_ballot_of_a_pair_and_session(arena: sa.Engine) -> None:
    vote(arena, "s")
    (ballot,) = ballots(arena)
    again = {name: getattr(ballot, name) for name in ("judge", "session", "pair", "clip_a", "clip_b", "issued_at")}
    with pytest.raises(sa.exc.IntegrityError), writing(arena) as session:
        session.add(ArenaBallot(ballot_id="another", **again))


def test_a_ballot_of_nobody_or_of_somebody_else_is_unknown(arena: sa.Engine) -> None:
    ballot_id = shown(arena, "s").ballot_id
    for session_id, wanted in (("s", "nothing"), ("other", ballot_id)):
        with pytest.raises(UnknownBallot):
            cast(arena, session_id, wanted, CHOICES)
    assert not has_ballots(arena, "other") and has_ballots(arena, "s")
    assert ballots(arena)[0].voted_at is None


def test_an_expired_ballot_cannot_be_used_and_its_pair_is_free_again(arena: sa.Engine) -> None:
    ballot_id = shown(arena, "s").ballot_id
    age(arena, BALLOT_LASTS_S + 1)
    with pytest.raises(ExpiredBallot):
        cast(arena, "s", ballot_id, CHOICES)
    again = shown(arena, "s")
    assert again.ballot_id != ballot_id and len(ballots(arena)) == 1


def test_a_vote_does_not_expire(arena: sa.Engine) -> None:
    vote(arena, "s")
    age(arena, 10 * BALLOT_LASTS_S)
    shown(arena, "other")
    assert [ballot.session for ballot in ballots(arena) if ballot.voted_at is not None] == ["s"]
