"""The registry's rows for people and for --json: `mova registry list`."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import UsageError
from mova_core.registry.database.base import Base
from mova_core.registry.database.tables import (
    Alias,
    Artifact,
    Checkpoint,
    Dataset,
    Evaluation,
    Job,
    Promotion,
    Run,
)
from mova_core.registry.forced import is_forced
from mova_core.registry.promotion.log import check_chain
from mova_core.registry.text_table import aligned

Row = dict[str, Any]
LISTED: dict[str, tuple[type[Base], tuple[str, ...]]] = {  # each with the columns that it is sorted by
    "datasets": (Dataset, ("name", "sha256")),
    "runs": (Run, ("phase", "run_id")),
    "checkpoints": (Checkpoint, ("phase", "step", "checkpoint_id")),
    "evaluations": (Evaluation, ("phase", "checkpoint_id", "evaluation_id")),
    "aliases": (Alias, ("name",)),
    "artifacts": (Artifact, ("sequence",)),
    "promotions": (Promotion, ("event_id",)),
    "jobs": (Job, ("created_at", "job_id")),
}
BESIDE = {
    "checkpoints": ("aliases", "artifacts", "promotions"),
    "evaluations": ("checkpoints",),
    "aliases": ("promotions",),
}  # what else a row shows
COUNTED_ONLY = ("artifacts", "promotions", "jobs")  # in the list of all tables
LAST_ROWS = 12  # of each table, in the list of all tables
ID_DIGITS = 16


def listing(session: Session, table: str | None) -> dict[str, Any]:
    """Rows of one table, or of all.

    Args:
        session: any session of the registry.
        table: its name, or None.

    Returns:
        `rows` of one table or `tables` by name, every column; `text` holds what a person wants to see of them.

    Raises:
        UsageError: no such table.
        StaleError: the log of promotions was altered.
    """
    if table is not None and table not in LISTED:
        raise UsageError(f"the registry has no table {table!r}, expected one of {', '.join(LISTED)}")
    check_chain(session)
    if table is not None:
        rows = {name: _rows(session, name) for name in (table, *BESIDE.get(table, ()))}
        return {"table": table, "rows": rows[table], "text": _text(table, rows)}
    rows = {name: _rows(session, name) for name in LISTED}
    parts = [_text(name, rows, LAST_ROWS) for name in LISTED if name not in COUNTED_ONLY]
    parts.append("\n".join(f"{name}: {len(rows[name])}, see `mova registry list {name}`" for name in COUNTED_ONLY))
    return {"tables": rows, "text": "\n\n".join(parts)}


def _rows(session: Session, table: str) -> list[Row]:
    mapped, order = LISTED[table]
    query = sa.select(mapped).order_by(*(getattr(mapped, name) for name in order))
    if mapped is Job:
        query = query.where(~Job.smoke)
    columns = [column.key for column in sa.inspect(mapped).columns]
    return [{name: getattr(row, name) for name in columns} for row in session.scalars(query)]


def _text(table: str, rows: Mapping[str, Sequence[Row]], last: int | None = None) -> str:
    found = rows[table]
    if not found:
        return f"{table}: none"
    shown = _shown(table, rows)
    hidden = 0 if last is None else max(len(shown) - last, 0)
    more = f" (the last {last} of {len(shown)}, all by `mova registry list {table}`)" if hidden else ""
    return f"{table}{more}\n{aligned(shown[hidden:])}"


def _shown(table: str, rows: Mapping[str, Sequence[Row]]) -> list[dict[str, str]]:
    """What a person wants of each row, by heading."""
    if table == "checkpoints":
        return _checkpoints(rows)
    if table == "aliases":
        forced = _forced(rows["promotions"])
        return [_alias(row, forced=_key(row) in forced) for row in rows[table]]
    if table == "evaluations":
        gates = {row["checkpoint_id"]: _gates(row) for row in rows["checkpoints"]}
        return [_evaluation(row, gates.get(row["checkpoint_id"], ())) for row in rows[table]]
    return [CELLS[table](row) for row in rows[table]]


def _dataset(row: Row) -> dict[str, str]:
    return {"name": row["name"], "rows": str(row["rows"]), "sha256": row["sha256"][:ID_DIGITS], "path": row["path"]}


def _run(row: Row) -> dict[str, str]:
    return {"phase": row["phase"], "run": row["run_id"], "from": row["start_checkpoint"] or "-", "path": row["path"]}


def _alias(row: Row, *, forced: bool) -> dict[str, str]:
    alias = {"alias": row["name"], "checkpoint": row["checkpoint_id"], "moved": _time(row["moved_at"])}
    return alias | {"how": "FORCED" if forced else "-"}


def _key(alias: Row) -> tuple[str, str]:
    return alias["name"], alias["checkpoint_id"]


def _forced(promotions: Sequence[Row]) -> set[tuple[str, str]]:
    """Alias and checkpoint of each promotion that was forced."""
    return {(row["alias"], row["checkpoint_id"]) for row in promotions if is_forced(row["outcome"], row["evidence"])}


def _artifact(row: Row) -> dict[str, str]:
    of = {"kept": _time(row["kept_at"]), "kind": row["kind"], "checkpoint": row["checkpoint_id"]}
    return of | {"MB": f"{row['bytes'] / 1e6:.1f}", "path": row["path"]}


def _promotion(row: Row) -> dict[str, str]:
    event = {"event": str(row["event_id"]), "time": _time(row["created_at"]), "alias": row["alias"]}
    outcome = "promoted, FORCED" if is_forced(row["outcome"], row["evidence"]) else row["outcome"]
    return event | {"outcome": outcome, "reason": row["reason"]}


def _job(row: Row) -> dict[str, str]:
    job = {"time": _time(row["created_at"]), "job": row["job_id"], "status": row["status"]}
    return job | {"percent": str(row["progress"]), "result": row["result_path"] or row["error"] or "-"}


CELLS = {
    "datasets": _dataset,
    "runs": _run,
    "artifacts": _artifact,
    "promotions": _promotion,
    "jobs": _job,
}


def _checkpoints(rows: Mapping[str, Sequence[Row]]) -> list[dict[str, str]]:
    names: dict[str, list[str]] = defaultdict(list)
    for alias in rows["aliases"]:
        forced = " (FORCED)" if _key(alias) in _forced(rows["promotions"]) else ""
        names[alias["checkpoint_id"]].append(f"{alias['name']}{forced}")
    kept = {
        artifact["checkpoint_id"]: artifact["path"] for artifact in rows["artifacts"] if artifact["kind"] == "model"
    }
    return [
        {"phase": row["phase"], "step": _or_dash(row["step"]), "checkpoint": row["checkpoint_id"]}
        | {"gates": _verdict(row["selection"]), "aliases": ", ".join(names[row["checkpoint_id"]]) or "-"}
        | {"path": kept.get(row["checkpoint_id"]) or row["model_path"] or row["path"] or "-"}
        for row in rows["checkpoints"]
    ]


def _evaluation(row: Row, gates: Sequence[str]) -> dict[str, str]:
    """Figures are the metrics that gates judge, else the first few that were measured."""
    measured = {name: metric["value"] for name, metric in row["metrics"].items() if metric["value"] is not None}
    names = [name for name in gates if name in measured] or list(measured)[:3]
    return {
        "phase": row["phase"],
        "checkpoint": row["checkpoint_id"],
        "suite": f"{row['suite']['name']} {row['suite']['sha256'][:8]} ({row['suite']['clips']} clips)",
        "evaluation": row["evaluation_id"][:ID_DIGITS],
        "figures": ", ".join(f"{name} {measured[name]:.3g}" for name in names) or "-",
    }


def _gates(checkpoint: Row) -> tuple[str, ...]:
    return tuple(gate["name"] for gate in (checkpoint["selection"] or {}).get("gates", ()))


def _verdict(selection: Row | None) -> str:
    return "-" if selection is None else "passed" if selection["passed"] else "failed"


def _or_dash(value: Any) -> str:
    return "-" if value is None else str(value)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
