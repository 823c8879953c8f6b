"""Rows of every former revision survive the upgrade, on both databases."""

import json
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from mova_core.registry.database.connection import database_url, open_database
from mova_core.registry.database.migration import NEWEST, SCRIPTS, VERSION_TABLE

RENAMED = {("datasets", "made_from"): "inputs"}
ADDED_KEYS = {("jobs", "request"): "inputs"}  # what a later revision adds to a value
ALLOWED = {  # values that a constraint asks for
    "status": "completed",
    "outcome": "promoted",
    "action": "taken_down",
    "judge": "human",
    "event": "created",
    "kind": "model",
    "progress": 50,
}
VALUES = {("jobs", "outcome"): {"seeds": [1]}, ("runs", "latents"): {"a": "5" * 64}}
JSON_VALUE = {"a": "5" * 64, "deep": [None, 0.1]}


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", SCRIPTS)
    return made


REVISIONS = sorted(script.revision for script in ScriptDirectory.from_config(config()).walk_revisions())


def upgrade(engine: sa.Engine, revision: str) -> None:
    with engine.begin() as connection:
        with_connection = config()
        with_connection.attributes["connection"] = connection
        command.upgrade(with_connection, revision)


def tables(engine: sa.Engine) -> list[sa.Table]:
    """As the database has them, those that others refer to first."""
    metadata = sa.MetaData()
    metadata.reflect(engine)
    return [table for table in metadata.sorted_tables if table.name != VERSION_TABLE]


def value(table: sa.Table, column: sa.Column[Any], row: int, filled: dict[str, list[dict[str, Any]]]) -> Any:
    """A value that the column allows: that of the row that it refers to, another one in each row otherwise."""
    for key in column.foreign_keys:
        return filled[key.column.table.name][row][key.column.name]
    if (table.name, column.name) in VALUES:
        return VALUES[table.name, column.name]
    if column.name in ALLOWED:
        return ALLOWED[column.name]
    if isinstance(column.type, sa.JSON):
        return JSON_VALUE
    if isinstance(column.type, sa.LargeBinary):
        return bytes([row])
    if isinstance(column.type, sa.Boolean):
        return bool(row)
    if isinstance(column.type, sa.Float):
        return row + 0.25
    if isinstance(column.type, sa.Integer):
        return row + (10 if column.name == "clip_b" else 1)
    return f"{column.name} {row}"


def fill(engine: sa.Engine) -> dict[str, list[dict[str, Any]]]:
    """Two rows in every table."""
    filled: dict[str, list[dict[str, Any]]] = {}
    with engine.begin() as connection:
        for table in tables(engine):
            filled[table.name] = [
                {column.name: value(table, column, row, filled) for column in table.columns} for row in range(2)
            ]
            if table.name == "arena_ballots":  # of two clips, the lower first
                for ballot in filled[table.name]:
                    ballot |= {"clip_a": 1, "clip_b": 2}
            connection.execute(table.insert(), filled[table.name])
    return filled


@pytest.fixture
def database(new_url: Callable[[], str]) -> Iterator[tuple[str, sa.Engine]]:
    url = new_url()
    engine = sa.create_engine(database_url(url))
    yield url, engine
    engine.dispose()


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_rows_of_a_former_revision_are_intact_at_the_newest(database: tuple[str, sa.Engine], revision: str) -> None:
    url, engine = database
    upgrade(engine, revision)
    filled = fill(engine)
    assert all(len(rows) == 2 for rows in filled.values()) and len(filled) >= 7
    engine.dispose()
    upgraded = open_database(url)
    found = {table.name: table for table in tables(upgraded)}
    with upgraded.connect() as connection:
        assert connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar() == NEWEST
        for name, rows in filled.items():
            names = {column: RENAMED.get((name, column), column) for column in rows[0]}
            query = sa.select(*(found[name].c[new] for new in names.values()))
            kept = [dict(zip(names, map(plain, row), strict=True)) for row in connection.execute(query)]
            for row, (table, column) in product(kept, ADDED_KEYS):
                if table == name:
                    row[column].pop(ADDED_KEYS[table, column], None)
            expected = [{column: plain(one) for column, one in row.items()} for row in rows]
            assert sorted(map(repr, kept)) == sorted(map(repr, expected)), name
        if revision < "0007":
            of_runs = connection.exec_driver_sql("SELECT run_id, geometry FROM run_latents WHERE geometry = 'a'").all()
            assert sorted(run_id for run_id, _ in of_runs) == ["run_id 0", "run_id 1"]
    upgraded.dispose()


def plain(one: Any) -> Any:
    """JSON as its values, whether the driver or the database gave it as text."""
    if isinstance(one, str) and one.startswith("{"):
        return json.loads(one)
    return one
