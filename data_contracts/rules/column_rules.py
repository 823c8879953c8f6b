"""Rules that follow from the declaration of a column (`mova_core/curation/tables.py`): its range, its closed list."""

from collections.abc import Iterable

from data_contracts.expectations import Expectation, ExpectExactly, ExpectOneOf, ExpectPossible
from mova_core.curation.columns import Column


def column_rules(columns: Iterable[Column], every: str) -> list[Expectation]:
    """A rule for each column with a range or a closed list of values, in their order.

    Args:
        columns: of one table.
        every: what one row is, such as `clip`.
    """
    rules: list[Expectation] = []
    for column in columns:
        because = f"{column.label[0].upper()}{column.label[1:]}: beyond it the value is wrong, not the {every} unusual."
        if column.values:
            rules.append(ExpectOneOf.of(column.name, column.values, every, because))
        elif column.low is not None and column.low == column.high:
            rules.append(ExpectExactly.of(column.name, column.low, every, because))
        elif column.low is not None or column.high is not None:
            rules.append(ExpectPossible.of(column.name, column.low, column.high, every, because))
    return rules
