"""What a column of a curation table is: its name, type, unit, range, the rows in which it is stated, and its meaning.

`tables.py` declares every column once with these classes. The Parquet schema, the contracts, the limits of `assess`
and docs/tables.md read those declarations.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import pyarrow as pa

ColumnType = Literal["text", "integer", "number", "flag", "texts", "numbers", "intervals", "text by name"]
Stated = Literal[
    "always", "accepted", "accepted video", "rejected", "template", "model", "template or model", "sometimes"
]
Comparison = Literal["below", "above", "at_least", "at_most"]

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
    "texts": pa.list_(pa.string()),
    "numbers": pa.list_(pa.float64()),
    "intervals": pa.list_(pa.list_(pa.float64())),
    "text by name": pa.map_(pa.string(), pa.string()),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Args:
        name: its name in the Parquet file.
        type: of its values; `intervals` are [start, end] pairs.
        meaning: what a value says, as a phrase without its unit.
        unit: of a value; empty if it has none.
        low: the least value that is possible, itself included; None = no bound.
        high: the greatest value that is possible, itself included; None = no bound.
        values: the only values that are possible; empty = any.
        stated: the rows in which the value is not null.
    """

    name: str
    type: ColumnType
    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    values: tuple[str | int, ...] = ()
    stated: Stated = "sometimes"

    @property
    def label(self) -> str:
        """Meaning and unit, for charts and pages."""
        return f"{self.meaning}, {self.unit}" if self.unit else self.meaning


@dataclass(frozen=True, slots=True)
class Measure(Column):
    """A measure of table `verdicts`: null where it could not be taken.

    Args:
        group: what takes it: `always`, a group of params `assess.measures`, or a model of params `weights`.
        limit: how an accepted clip compares with params `assess.MEASURE_LIMIT`; None = the measure rejects nothing.
        either: of all measures with this flag, one that holds its limit is enough.
    """

    group: str = "always"
    limit: Comparison | None = None
    either: bool = False

    @property
    def limit_name(self) -> str:
        """The limit's name in params `assess`."""
        return f"{self.name}_{self.limit}"


@dataclass(frozen=True)
class Table:
    """One table: what a row is, and its columns in their order."""

    row: str
    columns: tuple[Column, ...]

    @cached_property
    def schema(self) -> pa.Schema:
        """Names and types as Arrow knows them."""
        return pa.schema([(column.name, ARROW_TYPES[column.type]) for column in self.columns])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in their order."""
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        """The column of this name; a KeyError if there is none."""
        try:
            return self.columns[self.names.index(name)]
        except ValueError:
            raise KeyError(name) from None

    def stated(self, *rows: Stated) -> tuple[str, ...]:
        """Names of the columns that are stated in these rows, in their order."""
        return tuple(column.name for column in self.columns if column.stated in rows)
