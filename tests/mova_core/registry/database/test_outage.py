"""A database that goes away: asked again while that may help, then one sentence, and never half a transaction."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.errors import MovaError, UsageError
from mova_core.registry.database import connection, outage
from mova_core.registry.database.connection import open_database, reading, writing
from mova_core.registry.database.tables import Run


def a_run(run_id: str) -> Run:
    return Run(run_id=run_id, phase="phase1", params={}, code="", latents={}, path="", manifest_sha256="")


def runs(engine: sa.Engine) -> list[str]:
    with reading(engine) as session:
        return list(session.scalars(sa.select(Run.run_id).order_by(Run.run_id)))


@pytest.fixture
def stopped(postgresql_server: Any, empty_registry: Callable[[str], str]) -> Iterator[tuple[str, sa.Engine]]:
    """A registry whose server was stopped after it was opened; it runs again at the end."""
    url = empty_registry("postgresql")
    engine = open_database(url)
    postgresql_server.stop()
    yield url, engine
    postgresql_server.start()
    engine.dispose()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited each time, without waiting."""
    waited: list[float] = []
    monkeypatch.setattr(outage, "sleep", waited.append)
    return waited


def test_a_server_that_comes_back_is_waited_for(
    stopped: tuple[str, sa.Engine], postgresql_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            postgresql_server.start()

    monkeypatch.setattr(outage, "sleep", sleep)
    with writing(stopped[1]) as session:
        session.add(a_run("one"))
    assert (runs(stopped[1]), waited) == (["one"], [0.1, 0.2])


def test_one_that_does_not_is_told_in_one_sentence(
    stopped: tuple[str, sa.Engine], waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(outage, "monotonic", lambda: float(next(clock)))
    url, engine = stopped
    for begin in (writing, reading):
        told = pytest.raises(MovaError, match=r"^the registry at postgresql://.* does not answer \(.*run this again")
        with told, begin(engine):
            pytest.fail("no transaction can begin")
    with pytest.raises(UsageError, match="that the server runs"):
        open_database(url)
    assert waits and max(waits) == 2.0


def test_a_transaction_that_was_under_way_is_undone(
    empty_registry: Callable[[str], str], postgresql_server: Any, waits: list[float]
) -> None:
    engine = open_database(empty_registry("postgresql"))
    with pytest.raises(MovaError, match="nothing is half-written"), writing(engine) as session:
        session.add(a_run("one"))
        session.flush()
        postgresql_server.stop()
        try:
            session.add(a_run("two"))
            session.flush()
        finally:
            postgresql_server.start()
    assert (runs(engine), waits) == ([], [])
    engine.dispose()


def test_a_locked_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    first = open_database(url)
    monkeypatch.setattr(connection, "BUSY_S", 0.01)
    second = open_database(url)
    with writing(first) as session:
        session.add(a_run("one"))
        session.flush()
        with pytest.raises(MovaError, match=r"registry\.db does not answer \(database is locked\)"), writing(second):
            pytest.fail("there is only one writer")
    assert runs(second) == ["one"]
    for engine in (first, second):
        engine.dispose()


def test_another_error_is_not_tried_again(engine: sa.Engine, waits: list[float]) -> None:
    with pytest.raises(sa.exc.DBAPIError), writing(engine) as session:
        session.execute(sa.text("SELECT nothing FROM nowhere"))
    assert waits == []
