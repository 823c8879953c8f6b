"""From votes in the registry to what `mova arena results` prints."""

import json
from collections.abc import Iterator, Sequence

import pytest
import sqlalchemy as sa

from mova_core.evaluation.arena.comparison import LOSS, TIE, WIN, Comparison
from mova_core.evaluation.arena.dimensions import DIMENSIONS
from mova_core.evaluation.arena.results import comparisons, results
from mova_core.registry.database.connection import open_database, reading, writing
from mova_core.registry.database.tables import ArenaBallot, ArenaClip

NAMES = [one.name for one in DIMENSIONS]


@pytest.fixture
def engine(registry_url: str) -> Iterator[sa.Engine]:
    """A registry with its tables and no rows, on SQLite and on PostgreSQL."""
    engine = open_database(registry_url)
    yield engine
    engine.dispose()


def record(engine: sa.Engine, votes: Sequence[tuple[str, str]], judge: str = "human") -> None:
    """Clips `x` (1) and `y` (2), and votes: which clip stands at side A, and the answer in every dimension."""
    with writing(engine) as session:
        for clip_id, contender in ((1, "x"), (2, "y")):
            if session.get(ArenaClip, clip_id) is None:
                values = {"prompt": "p", "take": 0, "path": "", "sha256": "", "source_sha256": "", "added_at": 0.0}
                session.add(ArenaClip(clip_id=clip_id, contender=contender, prompt_id="p", **values))
        session.flush()
        for number, (side_a, answer) in enumerate(votes):
            clips = (1, 2) if side_a == "x" else (2, 1)
            session.add(
                ArenaBallot(
                    ballot_id=f"{judge}{number}",
                    judge=judge,
                    session=f"{judge}{number}",
                    pair="1-2",
                    clip_a=clips[0],
                    clip_b=clips[1],
                    issued_at=0.0,
                    voted_at=float(100 - number),
                    choices=dict.fromkeys(NAMES, answer),
                )
            )


def test_an_answer_counts_for_the_clip_at_its_side_in_the_order_of_time(engine: sa.Engine) -> None:
    record(engine, [("x", "a"), ("y", "a"), ("y", "b"), ("x", "tie")])
    with reading(engine) as session:
        found = comparisons(session, "human", "overall")
    assert found == [  # the last was cast first
        Comparison("x", "y", TIE),
        Comparison("y", "x", LOSS),
        Comparison("y", "x", WIN),
        Comparison("x", "y", WIN),
    ]


def test_models_are_never_mixed_with_people(engine: sa.Engine) -> None:
    record(engine, [("x", "a"), ("x", "b")])
    record(engine, [("x", "a")] * 5, judge="model")
    with reading(engine) as session:
        found = results(session, seed=0)
    assert (found["contenders"], found["pairs"]) == ({"x": 1, "y": 1}, 1)
    people, models = (found["judges"][judge]["dimensions"]["overall"] for judge in ("human", "model"))
    assert people["win_rates"]["x"]["y"] == {"wins": 1, "ties": 0, "losses": 1, "rate": 0.5}
    assert models["win_rates"]["x"]["y"]["wins"] == 5
    assert "People: 2 votes in 2 sessions" in found["text"] and "Models as judges" in found["text"]


def test_what_cannot_be_estimated_says_why(engine: sa.Engine) -> None:
    with reading(engine) as session:
        empty = results(session, seed=0)
    assert empty["judges"]["human"]["dimensions"]["overall"]["elo"] is None and "no votes yet" in empty["text"]
    record(engine, [("x", "a")])
    with reading(engine) as session:
        one_sided = results(session, seed=0)
    overall = one_sided["judges"]["human"]["dimensions"]["overall"]
    assert overall["bradley_terry"] is None and "y scored no point" in overall["bradley_terry_unavailable"]
    assert "unavailable" in one_sided["text"]


def test_every_dimension_is_rated_the_same_way_each_time(engine: sa.Engine) -> None:
    record(engine, [("x", "a"), ("y", "a"), ("x", "tie"), ("x", "a")])
    with reading(engine) as session:
        first, second = results(session, seed=1), results(session, seed=1)
    assert first == second and json.dumps(first)
    human = first["judges"]["human"]
    assert list(human["dimensions"]) == NAMES
    ratings = human["dimensions"]["audio_quality"]
    assert ratings["elo"]["x"]["value"] > 1000 > ratings["elo"]["y"]["value"]
    assert ratings["bradley_terry"]["x"]["value"] > 1000
    low, high = ratings["elo"]["x"]["interval"]
    assert low <= ratings["elo"]["x"]["value"] <= high
