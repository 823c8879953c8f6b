"""docs/tables.md, written from the declarations in `tables.py`: `python -m mova_core.curation.tables_page FILE`."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from mova_core.curation.columns import Column, Measure
from mova_core.curation.tables import TABLES

HEAD = """# Tables

Every table of curation, column by column. This page is written from `mova_core/curation/tables.py`, which the Parquet
schema and the contracts read too; a test fails when they differ. After a change of a column write it anew:

```bash
python -m mova_core.curation.tables_page docs/tables.md
```

Times are in seconds on the file's clock (0 = the container's start). A range says what is possible at all: a value
outside is wrong, and the table's contract is broken. *Stated* says in which rows the value is not null. A measure's
*limit* is the params key `assess.KEY` that an accepted clip keeps to, its *group* what takes it (docs/curation.md).
"""


def tables_page() -> str:
    """The page, in Markdown."""
    return "\n".join([HEAD, *_lines()])


def _lines() -> Iterator[str]:
    for name, table in TABLES.items():
        yield from (f"## {name}", "", f"A row is {table.row}.", "")
        measures = [column for column in table.columns if isinstance(column, Measure)]
        yield from _rows(("column", "type", "meaning", "range", "stated"), map(_cells, _others(table.columns)))
        yield ""
        if measures:
            yield from ("Measures, each a number, null where it could not be taken:", "")
            yield from _rows(("column", "meaning", "range", "group", "limit"), map(_measure_cells, measures))
            yield ""


def _others(columns: tuple[Column, ...]) -> list[Column]:
    return [column for column in columns if not isinstance(column, Measure)]


def _rows(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _cells(column: Column) -> tuple[str, ...]:
    return f"`{column.name}`", column.type, column.label, _range(column), column.stated


def _measure_cells(measure: Measure) -> tuple[str, ...]:
    limit = f"`{measure.limit_name}`{', or another of these' * measure.either}" if measure.limit else ""
    return f"`{measure.name}`", measure.label, _range(measure), measure.group, limit


def _range(column: Column) -> str:
    if column.values:
        return ", ".join(f"`{value}`" for value in column.values)
    if column.low is None and column.high is None:
        return ""
    if column.high is None:
        return f"≥ {column.low:.9g}"
    return f"{column.low:.9g} to {column.high:.9g}"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(tables_page(), encoding="utf-8")
