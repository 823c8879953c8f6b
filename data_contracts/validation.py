"""Great Expectations over tables of millions of rows: it is handed a rule's own columns, never the whole table.

Its pandas engine copies every row of what it was handed several times a rule, so what it is handed is what it costs.
A rule is first asked whether it holds and how many rows break it; only one that does not hold is asked again, which.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.expectations.expectation import Expectation

from data_contracts.contract import View

HOW_MANY = {"result_format": "BASIC"}
WHICH = {"result_format": "COMPLETE", "return_unexpected_index_query": False}


def validated_by_column(
    view: View, rules: Iterable[Expectation], batches: BatchDefinition[Any]
) -> list[ExpectationValidationResult]:
    """What becomes of every rule about a view's rows, those about the same columns together.

    Args:
        view: whose rows; its id column stands in for all where a rule counts rows.
        rules: not yet in a suite of the context.
        batches: makes a batch of a dataframe.
    """
    alike: dict[tuple[str, ...], list[Expectation]] = defaultdict(list)
    for rule in rules:
        alike[_columns(rule) or (view.id_column,)].append(rule)
    results: list[ExpectationValidationResult] = []
    for columns, those in alike.items():
        batch = batches.get_batch({"dataframe": _narrow(view.rows, columns)})
        suite = gx.ExpectationSuite(view.name, expectations=those)
        results += batch.validate(suite, result_format=HOW_MANY).results
    return results


def rows_that_break(rows: pd.DataFrame, rule: Expectation, batches: BatchDefinition[Any]) -> pd.DataFrame:
    """The rows that do not hold a rule, in their order."""
    batch = batches.get_batch({"dataframe": _narrow(rows, _columns(rule))})
    return rows.loc[batch.validate(rule, result_format=WHICH).result["unexpected_index_list"]]


def _columns(rule: Any) -> tuple[str, ...]:
    """The columns that a rule looks at: its own, and that of its condition."""
    own = (rule.column,) if hasattr(rule, "column") else ()
    condition = getattr(rule, "row_condition", None)
    return own if condition is None else (*own, condition.column.name)


def _narrow(rows: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """These columns alone; one that is missing is left to the rule to tell."""
    return rows[[column for column in columns if column in rows]]
