"""The rows that go with a checkpoint: what it came from, and its evaluations. Where it lay is not known elsewhere.

A row of these tables is a fact (see `database/tables.py`), so another installation may have it already; then it must be
the same one, and stays as it is.
"""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from mova_core.errors import StaleError, first_fault
from mova_core.registry.database.base import Base
from mova_core.registry.database.tables import Checkpoint, Dataset, Evaluation, Run
from mova_core.registry.lineage.origins import origins
from mova_core.registry.records import record_latents

Row = dict[str, Any]
Rows = dict[str, list[Row]]
# In the order in which they are recorded: a later one refers to earlier ones.
TABLES: dict[str, type[Base]] = {
    "datasets": Dataset,
    "runs": Run,
    "checkpoints": Checkpoint,
    "evaluations": Evaluation,
}
OF_AN_INSTALLATION = ("path", "model_path", "selection")  # columns that may differ: places, and the judgement there
JUST_ROWS = TypeAdapter(Rows)


def collect_rows(session: Session, checkpoint: Checkpoint) -> Rows:
    """All rows that a checkpoint is explained by, in an order of their own."""
    behind = origins(session, checkpoint)
    ids = [each.checkpoint_id for each in behind.checkpoints]
    evaluations = session.scalars(sa.select(Evaluation).where(Evaluation.checkpoint_id.in_(ids)))
    found: dict[str, Any] = {
        "datasets": [dataset for dataset in behind.datasets.values() if dataset is not None],
        "runs": behind.runs,
        "checkpoints": behind.checkpoints,
        "evaluations": evaluations,
    }
    return {name: sorted(map(_values, found[name]), key=_order) for name in TABLES}


def read_rows(content: bytes, what: str) -> Rows:
    """Parse the rows of a bundle.

    Args:
        content: their JSON.
        what: how the bundle is called in messages.

    Raises:
        StaleError: other tables or columns than this version has.
    """
    try:
        rows = JUST_ROWS.validate_python(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise _other_version(what, first_fault(error)) from None
    if rows.keys() != TABLES.keys():
        raise _other_version(what, f"it has tables {', '.join(rows)}, expected {', '.join(TABLES)}")
    for name, table in TABLES.items():
        for row in rows[name]:
            if row.keys() != set(_columns(table)):
                raise _other_version(what, f"a row of {name} has columns {', '.join(row)}")
    return rows


def record_rows(session: Session, rows: Rows, what: str) -> int:
    """Add what is not known here yet, inside `writing`; returns how many rows that were.

    Args:
        session: a session that writes.
        rows: of a bundle.
        what: how the bundle is called in messages.

    Raises:
        StaleError: a row is known here and says something else.
    """
    added = 0
    for name, table in TABLES.items():
        for row in rows[name]:
            known = session.get(table, tuple(row[column] for column in _keys(table)))
            if known is None:
                session.add(table(**row | ({"model_path": None} if table is Checkpoint else {})))
                session.flush()  # at once: later rows refer to it
                added += 1
                if table is Run:
                    record_latents(session, row["run_id"], row["latents"])
            else:
                _complete(known, row, f"{name} row {' '.join(row[column] for column in _keys(table))} of {what}")
    return added


def _complete(known: Base, row: Row, what: str) -> None:
    """Fill in what the registry did not know of a row."""
    for column, value in row.items():
        held = getattr(known, column)
        if held is None and column != "model_path":
            setattr(known, column, value)
        elif value is not None and held != value and column not in OF_AN_INSTALLATION:
            raise StaleError(
                f"{what} says {column} {value!r:.80}, this registry has {held!r:.80}: one of the two was altered, "
                "compare them with the run's manifest"
            )


def _values(row: Base) -> Row:
    return {column: getattr(row, column) for column in _columns(type(row))}


def _order(row: Row) -> str:
    return json.dumps(row, sort_keys=True)


def _columns(table: type[Base]) -> list[str]:
    return [column.key for column in sa.inspect(table).columns]


def _keys(table: type[Base]) -> Iterator[str]:
    return (column.name for column in sa.inspect(table).primary_key)


def _other_version(what: str, fault: str) -> StaleError:
    return StaleError(f"the rows of {what} cannot be read ({fault}): export it with this version of the project")
