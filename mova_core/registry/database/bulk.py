"""Insert many rows at the speed of the database's own way in: COPY on PostgreSQL, one prepared statement on SQLite."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.registry.database.base import Base

AT_ONCE = 10_000  # values in one query: SQLite takes 32766
Key = TypeVar("Key", int, str)


def batches(values: Collection[Key]) -> Iterator[list[Key]]:
    """The values in order, as many at a time as one query takes."""
    ordered = sorted(values)
    yield from (ordered[start : start + AT_ONCE] for start in range(0, len(ordered), AT_ONCE))


def insert_rows(session: Session, table: type[Base], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert plain values, in the session's transaction.

    Args:
        session: a session that writes.
        table: whose columns the values are, all of them and in their order; no JSON among them.
        rows: the values.
    """
    columns = [column.name for column in sa.inspect(table).columns]
    names = ", ".join(columns)
    driver = session.connection().connection.driver_connection
    assert driver is not None
    if session.get_bind().dialect.name == "postgresql":
        with driver.cursor() as cursor, cursor.copy(f"COPY {table.__tablename__} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    places = ", ".join("?" * len(columns))
    driver.executemany(f"INSERT INTO {table.__tablename__} ({names}) VALUES ({places})", rows)
