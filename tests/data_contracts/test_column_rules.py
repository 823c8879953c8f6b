"""Each column with a range or a closed list has a rule that holds at its ends and fails beyond them."""

import pandas as pd
import pytest

from data_contracts.check import ephemeral_context
from data_contracts.column_rules import column_rules
from mova_core.curation.tables import TABLES

BOUNDED = [
    (name, column)
    for name, table in TABLES.items()
    for column in table.columns
    if column.values or column.low is not None or column.high is not None
]


@pytest.fixture(scope="module")
def batches():
    asset = ephemeral_context().data_sources.add_pandas("data").add_dataframe_asset("columns")
    return asset.add_batch_definition_whole_dataframe("all rows")


def ends(column):
    return column.values or [end for end in (column.low, column.high) if end is not None]


def beyond(column):
    if column.values:
        return ["none of them"] if isinstance(column.values[0], str) else [45]
    return [end for end in (column.low and column.low - 1, column.high and column.high + 1) if end is not None]


@pytest.mark.parametrize(("table", "column"), BOUNDED, ids=lambda value: getattr(value, "name", value))
def test_a_rule_holds_inside_and_fails_outside(batches, table, column):
    (rule,) = column_rules([column], "row")
    assert column.meaning[1:] in rule.notes
    for values, holds in ((ends(column), True), *(([value], False) for value in beyond(column))):
        batch = batches.get_batch({"dataframe": pd.DataFrame({column.name: list(values)})})
        assert batch.validate(rule).success is holds, values


def test_sentences_say_the_bounds():
    columns = {name: TABLES["sources"][name] for name in ("bytes", "fps", "rotation_deg")}
    assert [rule.description for rule in column_rules(columns.values(), "file")] == [
        "bytes at least 0 for every file",
        "fps from 0.5 to 1000 for every file",
        "rotation (degrees) is 0, 90, 180 or 270 for every file",
    ]
    assert column_rules([TABLES["sources"]["container"]], "file") == []
