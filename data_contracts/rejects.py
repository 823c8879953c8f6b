"""What a stage turned away: every reject names a row that exists and says why, in a word and in a sentence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_contracts.contract import View, missing, rows_of
from data_contracts.expectations import ExpectExactly, ExpectForm, ExpectNoFault, ExpectUnique
from mova_core.curation.layout import DataFolder
from mova_core.curation.tables import read_table

OURS_TO_MEND = {
    "unexpected_error": "the stage met an error it does not know",
    "worker_died": "its worker process died",
}


def rejects_file(data: DataFolder, stage: str) -> Path:
    """Where a stage's rejects lie: `mova curate` keeps those of all stages in one table."""
    together = data.table("rejects")
    return together if together.exists() else data.rejects(stage)


def read_rejects(data: DataFolder, stage: str) -> list[dict[str, Any]]:
    """Rows of table `rejects` that one stage wrote.

    Raises:
        UsageError: the table is missing.
    """
    return [row for row in read_table(rejects_file(data, stage), "rejects") if row["stage"] == stage]


def rejects_view(rejects: list[dict[str, Any]], table: str, stage: str, places: Mapping[str, str]) -> View:
    """The rejects of a stage.

    Args:
        rejects: its rows.
        table: whose rows it turns away.
        stage: its name.
        places: id of each row it was given -> where that comes from.
    """
    rows = [
        {
            **row,
            "missing": missing(row, ("id", "reason_code", "reason")),
            "where": places.get(row["id"]),
            "id_fault": None if row["id"] in places else f"{table} has no such row",
            "crash_fault": OURS_TO_MEND.get(row["reason_code"]),
        }
        for row in rejects
    ]
    why = "Nothing disappears: what a stage turns away stays as a row with its reason."
    return View(
        name=f"rejects of {stage}",
        noun="reject",
        rows=rows_of(rows, ["table", "id", "reason_code", "missing", "where", "id_fault", "crash_fault"]),
        id_column="id",
        expectations=(
            ExpectExactly.of("table", table, f"reject of {stage}", why),
            ExpectUnique.of("id", "reject", "A row is turned away once."),
            ExpectNoFault.of("id_fault", f"every reject of {stage} is a row of {table}", why),
            ExpectNoFault.of("missing", f"every reject of {stage} says why, in a word and in a sentence", why),
            ExpectForm.of(
                "reason_code",
                r"\A[a-z][a-z0-9_]*\Z",
                f"reason code is one lower-case word for every reject of {stage}",
                "Reports count by it.",
            ),
            ExpectNoFault.better(
                "crash_fault",
                f"{stage} rejected nothing because of a crash or an unknown error",
                "Such a reject is a fault of ours and not of the file (engine.py).",
            ),
        ),
    )
