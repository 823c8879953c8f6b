"""What `mova contract` costs on tables of a million rows, over the same checks in bare pandas.

Whole commands are compared: reading the files, and what each must import, is part of both.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.curation.made_tables import write_tables
from benchmarks.measure import Row, row
from benchmarks.spent import Spent, spent
from mova_core.params import Params
from mova_core.places import DataFolder

ROWS = 1_000_000
FEW = 1_000
TABLES = ("clips", "verdicts")
REPEATS = 3
TARGET = 5.0


def rows() -> list[Row]:
    """CPU seconds and memory of both tables."""
    made = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "params.yaml").write_text("preset: nano\n", encoding="utf-8")
        many, few = root / "many", root / "few"
        for data, count in ((many, ROWS), (few, FEW)):
            write_tables(DataFolder(data), count, Params())
        for table in TABLES:
            start_s = contract(table, few, root).cpu_s
            pairs = [(contract(table, many, root), in_pandas(table, many)) for _ in range(REPEATS)]
            made += _rows_of(table, pairs, start_s)
    return made


def contract(table: str, data: Path, project: Path) -> Spent:
    """`mova contract TABLE`, pages and all."""
    mova = Path(sys.executable).parent / "mova"
    return spent([mova, "contract", table, "--data", data, "--out", project / "reports"], folder=project)


def in_pandas(table: str, data: Path) -> Spent:
    """The same rules as a script."""
    return spent([sys.executable, "-m", "benchmarks.baselines.bare_contracts", table, data])


def _rows_of(table: str, pairs: list[tuple[Spent, Spent]], start_s: float) -> list[Row]:
    ours, bare = (min((pair[side] for pair in pairs), key=lambda used: used.cpu_s) for side in (0, 1))
    against = (
        f"bare pandas, {ROWS:,} rows, whole commands: {ours.cpu_s:.1f} CPU s, of which {start_s:.1f} on {FEW:,} rows, "
        f"and {ours.peak_mib:.0f} MiB over {bare.cpu_s:.1f} CPU s and {bare.peak_mib:.0f} MiB"
    )
    return [
        row(
            f"curation.contract_{table}",
            [one.cpu_s / other.cpu_s for one, other in pairs],
            against=against,
            better="lower",
            target=TARGET,
        ),
        row(
            f"curation.contract_{table}_memory",
            [one.peak_mib / other.peak_mib for one, other in pairs],
            against="the most memory of both",
            better="lower",
        ),
    ]
