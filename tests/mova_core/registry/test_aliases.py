"""An alias moves only from where its mover believes it to be."""

import threading
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.errors import MovaError, StaleError, UsageError
from mova_core.registry.aliases import get_alias, set_alias
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import Checkpoint

IDS = [f"{n:016x}" for n in range(6)]


@pytest.fixture
def engine(engine: sa.Engine) -> sa.Engine:
    with writing(engine) as session:
        session.add_all(Checkpoint(checkpoint_id=id, phase="phase1") for id in IDS)
    return engine


def move(engine: sa.Engine, new: str, expected_old: str | None, name: str = "production") -> None:
    with writing(engine) as session:
        set_alias(session, name, new, expected_old)


def test_an_alias_is_made_and_moved(engine: sa.Engine) -> None:
    move(engine, IDS[0], None)
    move(engine, IDS[1], IDS[0])
    move(engine, IDS[2], None, name="phase1/champion")
    with reading(engine) as session:
        assert [get_alias(session, name) for name in ("production", "phase1/champion", "other")] == [
            IDS[1],
            IDS[2],
            None,
        ]


@pytest.mark.parametrize("believed", [None, IDS[1]])
def test_a_mover_who_is_late_changes_nothing(engine: sa.Engine, believed: str | None) -> None:
    move(engine, IDS[0], None)
    with pytest.raises(StaleError, match=f"production names checkpoint {IDS[0]}, expected .*: somebody moved it"):
        move(engine, IDS[2], believed)
    with reading(engine) as session:
        assert get_alias(session, "production") == IDS[0]


def test_an_alias_that_is_not_there_cannot_be_moved_from(engine: sa.Engine) -> None:
    with pytest.raises(StaleError, match=f"names no checkpoint, expected checkpoint {IDS[0]}"):
        move(engine, IDS[1], IDS[0])


@pytest.mark.parametrize("first", [None, IDS[0]])
def test_of_many_movers_at_once_one_wins(engine: sa.Engine, first: str | None) -> None:
    if first:
        move(engine, first, None)
    barrier, outcomes = threading.Barrier(5), []

    def contend(new: str) -> None:
        barrier.wait()
        try:
            move(engine, new, first)
            outcomes.append(new)
        except StaleError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=contend, args=(id,)) for id in IDS[1:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert len(winners) == 1 and len(outcomes) == 5
    with reading(engine) as session:
        assert get_alias(session, "production") == winners[0]


@pytest.mark.parametrize(
    "name", ["", "Production", "a/b/c", "phase1/", "/x", "two words", "a" * 80, "abcdef0123456789"]
)
def test_a_name_that_no_alias_can_have_is_refused(engine: sa.Engine, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be an alias"):
        move(engine, IDS[0], None, name=name)


def test_an_unknown_checkpoint_is_refused(engine: sa.Engine) -> None:
    with pytest.raises(MovaError, match="mova registry sync"):
        move(engine, "f" * 16, None)


def rows(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.text("SELECT name, checkpoint_id FROM aliases")))


def test_a_failed_move_undoes_all_of_its_transaction(engine: sa.Engine) -> None:
    with pytest.raises(StaleError), writing(engine) as session:
        set_alias(session, "phase1/champion", IDS[0], None)
        set_alias(session, "production", IDS[0], IDS[1])
    assert rows(engine) == []
