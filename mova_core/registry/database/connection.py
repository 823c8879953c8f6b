"""The registry's database: where it is, how it is opened, and what a transaction is.

`$MOVA_DATABASE_URL` names it (sqlite:///… or postgresql://…); without it, `.mova/registry.db` of the present folder.
SQLite runs in WAL mode with foreign keys on; writers wait for each other. A URL may hold a password: only `shown` of
it is ever printed.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from mova_core.errors import MovaError, UsageError
from mova_core.places import REGISTRY
from mova_core.registry.database.migration import upgrade
from mova_core.registry.database.outage import asked_again, cause_of, outage_told
from mova_core.storage.atomic import make_folder

DATABASE_VARIABLE = "MOVA_DATABASE_URL"
DEFAULT_DATABASE = f"sqlite:///{REGISTRY}"
DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}
BUSY_S = 60.0  # how long a writer waits for another one, such as one that upgrades on a busy machine


def open_database(url: str | None = None) -> sa.Engine:
    """Open the registry, made or brought up to date on first use.

    Args:
        url: where it is; None takes `$MOVA_DATABASE_URL`, else the default.

    Raises:
        UsageError: the URL is none of ours, or nothing answers there, asked again for a while.
        StaleError: a newer version of this project made the database.
    """
    parsed = database_url(url)
    engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)
    try:
        asked_again(lambda: upgrade(engine, shown(parsed)), shown(parsed))
    except MovaError:
        engine.dispose()
        raise
    except sa.exc.DatabaseError as error:
        engine.dispose()
        cause = cause_of(error)
        raise UsageError(
            f"the registry at {shown(parsed)} cannot be opened ({cause}): check ${DATABASE_VARIABLE} and that the "
            "server runs"
        ) from None
    return engine


@contextmanager
def opened_database(url: str | None = None) -> Iterator[sa.Engine]:
    """The registry for as long as the block lasts; its connections are closed at the end. Raises as `open_database`."""
    engine = open_database(url)
    try:
        yield engine
    finally:
        engine.dispose()


def database_url(url: str | None = None) -> URL:
    """The URL in force, with the driver named.

    Raises:
        UsageError: it cannot be read, or is neither a SQLite file nor PostgreSQL. Its text is not repeated.
    """
    try:
        parsed = sa.make_url(url or os.environ.get(DATABASE_VARIABLE) or DEFAULT_DATABASE)
        backend = parsed.get_backend_name()
    except (sa.exc.ArgumentError, ValueError):
        raise UsageError(
            f"${DATABASE_VARIABLE} is not a database URL, expected one like {DEFAULT_DATABASE} or "
            "postgresql://user@host/name"
        ) from None
    if backend not in DRIVERS:
        raise UsageError(f"${DATABASE_VARIABLE} names a {backend!r} database, expected sqlite or postgresql")
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise UsageError(f"${DATABASE_VARIABLE} names a database in memory, expected a file such as {DEFAULT_DATABASE}")
    return parsed.set(drivername=DRIVERS[backend])


def shown(url: URL) -> str:
    """A URL fit for printing: the password is starred and the query, which may hold one too, left out."""
    return url.set(query={}, drivername=url.get_backend_name()).render_as_string(hide_password=True)


@contextmanager
def reading(engine: sa.Engine) -> Iterator[Session]:
    """A session that only reads; it sees one state of the database and never waits for a writer.

    Raises:
        DatabaseGone: the database does not answer, asked again for a while, or went away.
    """
    with outage_told(shown(engine.url)), Session(engine) as session:
        asked_again(session.connection, shown(engine.url))
        yield session


@contextmanager
def writing(engine: sa.Engine) -> Iterator[Session]:
    """A session committed at the end, or undone on any exception.

    On SQLite it holds the only write lock, so what it reads stays true until it ends; on PostgreSQL use `only_one` for
    that.

    Raises:
        DatabaseGone: the database does not answer, asked again for a while, or went away: nothing is half-written.
    """
    immediate = engine.execution_options(immediate=True)
    with outage_told(shown(engine.url)), Session(immediate) as session, session.begin():
        asked_again(session.connection, shown(engine.url))
        yield session


def only_one(session: Session, what: str) -> None:
    """Wait until no other transaction holds the lock of this name, and hold it until the transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"mova:{what}"))))


def _sqlite(url: URL) -> sa.Engine:
    assert url.database is not None
    make_folder(Path(url.database).parent)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_S})

    @sa.event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        # The driver's own transactions begin too late (not before a SELECT or DDL): `begin` below does it instead.
        connection.isolation_level = None
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise MovaError(
                f"{url.database} cannot be used in WAL mode (got {mode!r}), as on some network folders: "
                f"set ${DATABASE_VARIABLE} to a local file or to PostgreSQL"
            )
        connection.execute("PRAGMA foreign_keys=ON")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _postgresql(url: URL) -> sa.Engine:
    return sa.create_engine(url, pool_pre_ping=True)
