"""The registry's rows for people and for --json: `mova registry list`."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import UsageError
from mova_core.registry.promotion_log import check_chain
from mova_core.registry.tables import Alias, Base, Checkpoint, Dataset, Evaluation, Job, Promotion, Run

LISTED: dict[str, tuple[type[Base], tuple[str, ...]]] = {  # columns for people, sorted by the first of them
    "datasets": (Dataset, ("name", "rows", "sha256", "path")),
    "runs": (Run, ("phase", "run_id", "start_checkpoint", "path")),
    "checkpoints": (Checkpoint, ("phase", "step", "checkpoint_id", "model_path", "path")),
    "evaluations": (Evaluation, ("phase", "checkpoint_id", "evaluation_id", "path")),
    "aliases": (Alias, ("name", "checkpoint_id", "moved_at")),
    "promotions": (Promotion, ("event_id", "created_at", "alias", "outcome", "checkpoint_id", "reason")),
    "jobs": (Job, ("created_at", "job_id", "status", "progress", "result_path", "error")),
}
SHORTENED = {"sha256", "evaluation_id"}
TIMES = {"created_at", "moved_at"}


def listing(session: Session, table: str | None) -> dict[str, Any]:
    """Rows of one table, or how many each holds.

    Args:
        session: any session of the registry.
        table: its name, or None.

    Raises:
        UsageError: no such table.
        StaleError: the log of promotions was altered.
    """
    if table is None:
        counts = {name: session.scalar(sa.select(sa.func.count()).select_from(of)) for name, (of, _) in LISTED.items()}
        aliases = session.scalars(sa.select(Alias).order_by(Alias.name))
        lines = [f"{name:<12}{count}" for name, count in counts.items()]
        lines += [f"{alias.name} -> checkpoint {alias.checkpoint_id}" for alias in aliases]
        return {"tables": counts, "text": "\n".join(lines)}
    if table not in LISTED:
        raise UsageError(f"the registry has no table {table!r}, expected one of {', '.join(LISTED)}")
    if table == "promotions":
        check_chain(session)
    mapped, columns = LISTED[table]
    found = [
        {column.key: getattr(row, column.key) for column in sa.inspect(mapped).columns}
        for row in session.scalars(sa.select(mapped).order_by(*(getattr(mapped, name) for name in columns)))
    ]
    return {"table": table, "rows": found, "text": _columns(columns, found) if found else f"{table}: no rows"}


def _columns(names: tuple[str, ...], rows: list[dict[str, Any]]) -> str:
    lines = [list(names), *([_cell(name, row[name]) for name in names] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(names))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name in TIMES:
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return str(value)[:16] if name in SHORTENED else str(value)
