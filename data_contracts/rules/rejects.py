"""What a stage turned away: every reject names a row that exists and says why, in a word and in a sentence."""

from pathlib import Path

import pandas as pd

from data_contracts.columns import Columns, is_among, is_word
from data_contracts.contract import View, Where
from data_contracts.expectations import Column, ExpectExactly, ExpectForm, ExpectNoFault, ExpectUnique
from mova_core.curation.tables import TABLES, read_columns
from mova_core.places import DataFolder

WHOLE_ROW = Column("start_s").is_null()
OURS_TO_MEND = {
    "unexpected_error": "the stage met an error it does not know",
    "worker_died": "its worker process died",
}


def rejects_file(data: DataFolder, stage: str) -> Path:
    """Where a stage's rejects lie: `mova curate` keeps those of all stages in one table."""
    together = data.table("rejects")
    return together if together.exists() else data.rejects(stage)


def read_rejects(data: DataFolder, stage: str) -> Columns:
    """Rows of table `rejects` that one stage wrote.

    Raises:
        UsageError: the table is missing.
    """
    rejects = Columns(read_columns(rejects_file(data, stage), "rejects"))
    return rejects.where(is_word(rejects.frame["stage"], stage))


def of_whole_rows(rejects: Columns) -> Columns:
    """Those that turn a whole row away, and not an interval of one that is kept."""
    return rejects.where(rejects.blank(["start_s"]))


def rejects_view(rejects: Columns, table: str, stage: str, known: pd.Series, where: Where) -> View:
    """The rejects of a stage.

    Args:
        rejects: its rows.
        table: whose rows it turns away.
        stage: its name.
        known: id of each row it was given.
        where: tells by column `id` where a row comes from.
    """
    ids = rejects.frame["id"]
    rows = rejects.frame[["table", "id", "reason_code", "start_s"]].assign(
        missing=rejects.missing(TABLES["rejects"].stated("always")),
        id_fault=rejects.faults(~is_among(ids, known), lambda _: f"{table} has no such row"),
        crash_fault=rejects.frame["reason_code"].map(OURS_TO_MEND),
    )
    why = "Nothing disappears: what a stage turns away stays as a row with its reason."
    return View(
        name=f"rejects of {stage}",
        noun="reject",
        rows=rows,
        id_column="id",
        where=where,
        expectations=(
            ExpectExactly.of("table", table, f"reject of {stage}", why),
            ExpectUnique.of("id", "reject", "A row is turned away once.", only=WHOLE_ROW),
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
