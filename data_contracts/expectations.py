"""The kinds of rule a contract is made of, in this field's words, on Great Expectations' own checks.

A rule reads as a sentence: `of(...)` writes it (GX's `description`) from the very values that are checked, so that the
two cannot drift apart, and takes the reason with its source (GX's `notes`). Null means unavailable: only
`ExpectStated`, `ExpectEmpty` and `ExpectNoFault` look at nulls, every other rule passes over them.

Convention: `every` is the noun of a row (`clip`, `accepted clip`); `only` is the GX condition that picks those rows.
"""

from collections.abc import Sequence
from typing import Any

import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.row_conditions import Column, Condition

__all__ = [
    "ACCEPTED",
    "REJECTED",
    "Column",
    "ExpectEmpty",
    "ExpectExactly",
    "ExpectForm",
    "ExpectNoFault",
    "ExpectOneOf",
    "ExpectOneValue",
    "ExpectPossible",
    "ExpectRows",
    "ExpectShare",
    "ExpectSome",
    "ExpectStated",
    "ExpectUnique",
    "Expectation",
]

ACCEPTED: Condition = Column("verdict") == "accepted"
REJECTED: Condition = Column("verdict") == "rejected"
UNITS = {"s": "(s)", "px": "(px)", "hz": "(Hz)", "lu": "(LU)", "deg": "(degrees)"}


def words(column: str) -> str:
    """A column's name as a person says it: `bandwidth_hz` is `bandwidth (Hz)`."""
    *name, last = column.split("_")
    return " ".join([*name, UNITS.get(last, last)]) if name else last


def _rule(sentence: str, because: str, only: Condition | None, severity: str) -> dict[str, Any]:
    condition = {} if only is None else {"row_condition": only}
    return {"description": sentence, "notes": because, "severity": severity, **condition}


class ExpectRows(gxe.ExpectTableRowCountToBeBetween):
    """There is something to go on with."""

    @classmethod
    def of(cls, noun: str, because: str) -> "ExpectRows":
        return cls(min_value=1, **_rule(f"there is at least one {noun}", because, None, "critical"))


class ExpectSome(gxe.ExpectColumnSumToBeBetween):
    """Not every row was turned away; `column` is 1 for a row that counts, else 0."""

    @classmethod
    def of(cls, column: str, noun: str, because: str) -> "ExpectSome":
        return cls(column=column, min_value=1, **_rule(f"there is at least one {noun}", because, None, "critical"))


class ExpectStated(gxe.ExpectColumnValuesToNotBeNull):
    """A value that must be known."""

    @classmethod
    def of(cls, column: str, every: str, because: str, only: Condition | None = None) -> "ExpectStated":
        """Critical: the rest relies on it."""
        return cls(column=column, **_rule(f"{words(column)} is stated for every {every}", because, only, "critical"))

    @classmethod
    def better(cls, column: str, every: str, because: str, only: Condition | None = None) -> "ExpectStated":
        """A warning: it can do without."""
        return cls(column=column, **_rule(f"{words(column)} is known for every {every}", because, only, "warning"))


class ExpectEmpty(gxe.ExpectColumnValuesToBeNull):
    """A value that would contradict the rest of its row."""

    @classmethod
    def of(cls, column: str, every: str, because: str, only: Condition | None = None) -> "ExpectEmpty":
        return cls(column=column, **_rule(f"{words(column)} is empty for every {every}", because, only, "critical"))


class ExpectNoFault(gxe.ExpectColumnValuesToBeNull):
    """A rule across columns or tables: its column holds what is wrong with the row, or null."""

    @classmethod
    def of(cls, column: str, sentence: str, because: str, only: Condition | None = None) -> "ExpectNoFault":
        """Critical: the rest relies on it."""
        return cls(column=column, **_rule(sentence, because, only, "critical"))

    @classmethod
    def better(cls, column: str, sentence: str, because: str) -> "ExpectNoFault":
        """A warning: worth a look."""
        return cls(column=column, **_rule(sentence, because, None, "warning"))


class ExpectUnique(gxe.ExpectColumnValuesToBeUnique):
    """A value that names one row."""

    @classmethod
    def of(cls, column: str, every: str, because: str, only: Condition | None = None) -> "ExpectUnique":
        article = "an" if column[0] in "aeiou" else "a"
        sentence = f"no two {every}s share {article} {words(column)}"
        return cls(column=column, **_rule(sentence, because, only, "critical"))


class ExpectExactly(gxe.ExpectColumnValuesToBeInSet):
    """A value fixed by the geometry, or by counting."""

    @classmethod
    def of(cls, column: str, value: float | str, every: str, because: str) -> "ExpectExactly":
        sentence = f"{words(column)} = {value} for every {every}"
        return cls(column=column, value_set=[value], **_rule(sentence, because, None, "critical"))

    @classmethod
    def once(cls, column: str, sentence: str, because: str) -> "ExpectExactly":
        """Each thing happens exactly once; `column` counts how often it did."""
        return cls(column=column, value_set=[1], **_rule(sentence, because, None, "critical"))


class ExpectOneOf(gxe.ExpectColumnValuesToBeInSet):
    """A closed set of words."""

    @classmethod
    def of(
        cls, column: str, values: Sequence[Any], every: str, because: str, only: Condition | None = None
    ) -> "ExpectOneOf":
        *others, last = map(str, values)
        listed = f"{', '.join(others)} or {last}" if others else last
        rule = _rule(f"{words(column)} is {listed} for every {every}", because, only, "critical")
        return cls(column=column, value_set=list(values), **rule)


class ExpectOneValue(gxe.ExpectColumnUniqueValueCountToBeBetween):
    """One and the same value in all rows."""

    @classmethod
    def of(cls, column: str, sentence: str, because: str) -> "ExpectOneValue":
        return cls(column=column, min_value=0, max_value=1, **_rule(sentence, because, None, "critical"))


class ExpectForm(gxe.ExpectColumnValuesToMatchRegex):
    """How a text is written."""

    @classmethod
    def of(cls, column: str, regex: str, sentence: str, because: str, only: Condition | None = None) -> "ExpectForm":
        return cls(column=column, regex=regex, **_rule(sentence, because, only, "critical"))

    @classmethod
    def hexadecimal(cls, column: str, digits: int, every: str, because: str) -> "ExpectForm":
        """Lower-case hexadecimal of a fixed length, as hashes are written."""
        sentence = f"{words(column)} is {digits} hexadecimal digits for every {every}"
        return cls.of(column, rf"\A[0-9a-f]{{{digits}}}\Z", sentence, because)


class ExpectPossible(gxe.ExpectColumnValuesToBeBetween):
    """A number that can be: inside its range, and so neither infinite nor of the wrong unit."""

    @classmethod
    def of(
        cls, column: str, low: float | None, high: float | None, every: str, because: str, only: Condition | None = None
    ) -> "ExpectPossible":
        """Both ends are allowed; None = no bound on that side."""
        if low is None:
            bounds = f"at most {high:.9g}"
        else:
            bounds = f"at least {low:.9g}" if high is None else f"from {low:.9g} to {high:.9g}"
        sentence = f"{words(column)} {bounds} for every {every}"
        return cls(column=column, min_value=low, max_value=high, **_rule(sentence, because, only, "critical"))

    @classmethod
    def below(
        cls, column: str, limit: float, every: str, because: str, only: Condition | None = None
    ) -> "ExpectPossible":
        """The limit itself is not allowed."""
        rule = _rule(f"{words(column)} < {limit:.9g} among {every}s", because, only, "critical")
        return cls(column=column, max_value=limit, strict_max=True, **rule)

    @classmethod
    def above(
        cls, column: str, limit: float, every: str, because: str, only: Condition | None = None
    ) -> "ExpectPossible":
        """The limit itself is not allowed."""
        rule = _rule(f"{words(column)} > {limit:.9g} among {every}s", because, only, "critical")
        return cls(column=column, min_value=limit, strict_min=True, **rule)


class ExpectShare(gxe.ExpectColumnMeanToBeBetween):
    """A share of all rows that should not be less; `column` is 1 for a row that counts, else 0."""

    @classmethod
    def of(cls, column: str, least: float, sentence: str, because: str) -> "ExpectShare":
        return cls(column=column, min_value=least, **_rule(sentence, because, None, "warning"))
