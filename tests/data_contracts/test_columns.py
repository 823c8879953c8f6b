"""Rules over whole columns say the same as rules row by row."""

import pandas as pd
import pyarrow as pa
import pytest

from data_contracts.columns import Columns, counted, looked_up
from data_contracts.contract import missing
from mova_core.curation.tables import TABLES

REJECTS = [
    {"id": "one", "reason_code": "x", "reason": "it is"},
    {"id": None, "reason_code": " \n", "reason": "it is"},
    {"id": "", "reason_code": "x", "reason": None},
]


@pytest.fixture
def rejects():
    return Columns(pa.Table.from_pylist(REJECTS, schema=TABLES["rejects"].schema))


def test_what_is_missing_is_told_of_each_row(rejects):
    columns = ("id", "reason_code", "reason")
    assert rejects.missing(columns).tolist() == [missing(row, columns) for row in REJECTS]
    assert rejects.missing(columns).tolist() == [None, "no id, reason_code", "no id, reason"]


def test_a_fault_is_asked_of_suspects_alone(rejects):
    asked = []

    def fault(row, beside):
        asked.append((row["id"], beside))
        return "wrong" if beside is None else None

    said = rejects.faults(pd.Series([True, False, True]), fault, pd.Series([1.0, 2.0, None]))
    assert asked == [("one", 1.0), ("", None)]
    assert said.tolist() == [None, None, "wrong"]


def test_lists_and_maps():
    rows = [
        {"rejections": {"lufs": "low"}, "phases": ["audio", "phase1"]},
        {"rejections": {}, "phases": []},
        {"rejections": None, "phases": None},
        {"rejections": {"a": "1", "b": "2"}, "phases": ["phase1"]},
    ]
    verdicts = Columns(pa.Table.from_pylist(rows, schema=TABLES["verdicts"].schema))
    assert verdicts.lengths("rejections").tolist() == [1, 0, 0, 2]
    assert verdicts.lengths("phases").tolist() == [2, 0, 0, 1]
    holding = verdicts.holding("phases", lambda values: pa.compute.equal(values, "audio"))
    assert holding.tolist() == [True, False, False, False]
    assert verdicts.joined("phases").fillna("null").tolist() == ["audio,phase1", "", "null", "phase1"]


def test_values_beside_ids():
    keys, values = pd.Series(["a", "b", "a", None]), pd.Series([1, 2, 3, 4])
    assert looked_up(pd.Series(["a", "c", None, "b"]), keys, values).fillna(-1).tolist() == [3, -1, -1, 2]
    assert counted(pd.Series(["a", "c", "b"]), keys).tolist() == [2, 0, 1]
