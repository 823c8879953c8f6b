"""What a contract is made of, and what comes out of checking one: small frozen values.

A contract looks at a table through one or more views: the table's own rows, and the rows it was made from, one row
each (so that a lost clip is named, not only counted). Every view has an id column and `where`, which tells a person
where in the footage a row comes from.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

    from data_contracts.expectations import Expectation

Severity = Literal["critical", "warning"]
Outcome = Literal["ok", "warning", "broken"]
Where = Callable[["pd.DataFrame"], Sequence[str | None]]
"""Tells of some rows of a view where in the footage each comes from: asked only about rows that break a rule."""

KEPT_ROWS = 200  # of one expectation; all are counted


@dataclass(frozen=True, slots=True)
class View:
    """Rows and what is expected of them.

    Args:
        name: unique within the contract, such as `clips` or `clips by window`.
        noun: what one row is, such as `clip`.
        rows: with the column `id_column`, and those that the expectations are about.
        id_column: names a row.
        where: tells where rows come from.
        expectations: critical ones and warnings.
    """

    name: str
    noun: str
    rows: "pd.DataFrame"
    id_column: str
    where: Where
    expectations: tuple["Expectation", ...]


@dataclass(frozen=True, slots=True)
class Contract:
    """Everything expected of one table.

    Args:
        table: its name.
        views: the first one is the table itself.
        files: the files it is about, by a name that does not depend on the machine.
    """

    table: str
    views: tuple[View, ...]
    files: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Example:
    """One row that breaks an expectation."""

    id: str
    where: str | None
    value: Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation, checked.

    Args:
        sentence: what is expected.
        reason: why, with its source.
        severity: whether the data may go on without it.
        success: whether it holds.
        observed: the number that was judged, or up to three different values that break the rule.
        unexpected_count: rows that break it (0 for a rule about the whole table).
        element_count: rows looked at.
        failing: rows that break it, the first `KEPT_ROWS` in the table's order.
        noun: what one row is.
        more_values: whether rows that break it have other values than those observed.
        error: why it could not be checked, if so; it then counts as broken.
    """

    sentence: str
    reason: str
    severity: Severity
    success: bool
    observed: Any
    unexpected_count: int
    element_count: int
    failing: tuple[Example, ...]
    noun: str
    more_values: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ContractResult:
    """One contract, checked; the same data gives an equal result."""

    table: str
    rows: int
    files: Mapping[str, str]
    findings: tuple[Finding, ...]

    @property
    def broken(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if not one.success and one.severity == "critical")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if not one.success and one.severity == "warning")

    @property
    def verdict(self) -> Outcome:
        return "broken" if self.broken else "warning" if self.warnings else "ok"


def missing(row: Mapping[str, Any], columns: Iterable[str]) -> str | None:
    """Which of these columns are null or blank in a row; None if all are stated."""
    absent = [name for name in columns if row[name] is None or (isinstance(row[name], str) and not row[name].strip())]
    return f"no {', '.join(absent)}" if absent else None


def rows_of(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> "pd.DataFrame":
    """A dataframe of few rows that has its columns even without any."""
    import pandas as pd

    return pd.DataFrame([{column: row[column] for column in columns} for row in rows], columns=list(columns))


def where_stated(rows: "pd.DataFrame") -> Sequence[str | None]:
    """Of rows that say so themselves, in their column `where`."""
    stated: list[str | None] = rows["where"].tolist()
    return stated


def nowhere(rows: "pd.DataFrame") -> Sequence[str | None]:
    """Of rows whose id says it all."""
    return [None] * len(rows)
