"""Each column with a range or a closed list has a rule that holds at its ends and fails beyond them."""

from dataclasses import replace

import great_expectations as gx
import pandas as pd
import pytest

from data_contracts.check import ephemeral_context
from data_contracts.rules.column_rules import column_rules
from mova_core.curation.tables import TABLES

BOUNDED = {
    f"{name}.{column.name}": column
    for name, table in TABLES.items()
    for column in table.columns
    if column.values or column.low is not None or column.high is not None
}


@pytest.fixture(scope="module")
def batches():
    asset = ephemeral_context().data_sources.add_pandas("data").add_dataframe_asset("columns")
    return asset.add_batch_definition_whole_dataframe("all rows")


def ends(column):
    return column.values or [end for end in (column.low, column.high) if end is not None]


def beyond(column):
    if column.values:
        return ["none of them"] if isinstance(column.values[0], str) else [45]
    low, high = column.low, column.high
    return [*([] if low is None else [low - 1]), *([] if high is None else [high + 1])]


def unexpected(batches, values):
    """Rows that break each column's rule; every column has the same number of rows."""
    rules = column_rules([replace(column, name=name) for name, column in BOUNDED.items()], "row")
    batch = batches.get_batch({"dataframe": pd.DataFrame(values)})
    results = batch.validate(gx.ExpectationSuite("columns", expectations=rules)).results
    return {one.expectation_config.kwargs["column"]: one.result["unexpected_count"] for one in results}


def test_every_rule_holds_inside_and_fails_outside(batches):
    inside = {name: [ends(column)[0], ends(column)[-1]] for name, column in BOUNDED.items()}
    outside = {name: [beyond(column)[0], beyond(column)[-1]] for name, column in BOUNDED.items()}
    assert unexpected(batches, inside) == dict.fromkeys(BOUNDED, 0)
    assert unexpected(batches, outside) == dict.fromkeys(BOUNDED, 2)


def test_sentences_say_the_bounds():
    columns = {name: TABLES["sources"][name] for name in ("bytes", "fps", "rotation_deg")}
    assert [rule.description for rule in column_rules(columns.values(), "file")] == [
        "bytes at least 0 for every file",
        "fps from 0.5 to 1000 for every file",
        "rotation (degrees) is 0, 90, 180 or 270 for every file",
    ]
    assert column_rules([TABLES["sources"]["container"]], "file") == []
