"""The curves as tables that `dvc plots` draws: it reads CSV, and of the lines of `curves.jsonl` nothing.

Light: it imports no torch.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from mova_core.places import PLOTS
from mova_core.storage.atomic import write_text
from mova_core.training.curves import CURVES_FILE, learned, read_curves

LOSSES = ("loss", "video", "audio")
FILES = {"training.csv": ("step", *LOSSES, "grad_norm", "lr"), "validation.csv": ("step", *LOSSES)}


def write_plots(run: Path) -> None:
    """Write both tables of a run: its steps that moved the weights, and its losses on validation clips."""
    records = learned(read_curves(run / CURVES_FILE))
    validation = [{"step": record["step"], **record["validation"]} for record in records if record.get("validation")]
    for (name, columns), rows in zip(FILES.items(), (records, validation), strict=True):
        there = [column for column in columns if any(column in row for row in rows)]
        write_text(run / PLOTS / name, _table(there, rows))


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
