"""Tables keep their columns, their order and their bytes; a table's bytes follow what it was made from."""

from pathlib import Path

import pytest

from mova_core.curation.tables import TABLES, read_table, write_table
from mova_core.curation.tables_page import tables_page
from mova_core.errors import StaleError, UsageError

WINDOW = {"window_id": "w1", "source_id": "s1", "start_s": 0.0, "end_s": 2.0625, "kind": "single_scene_speech"}


def test_rows_come_back_as_they_were(tmp_path):
    path = tmp_path / "verdicts.parquet"
    row = {"clip_id": "c", "silence_ratio": 0.5, "rejections": {"lufs": "too quiet"}, "phases": ["audio"]}
    write_table(path, "verdicts", [row])
    (read,) = read_table(path, "verdicts")
    assert {key: read[key] for key in row} == row
    assert read["imagebind"] is None


def test_an_empty_table_has_its_columns(tmp_path):
    for name in TABLES:
        write_table(tmp_path / name, name, [])
        assert read_table(tmp_path / name, name) == []


def test_an_unknown_column_is_refused(tmp_path):
    with pytest.raises(KeyError, match="length"):
        write_table(tmp_path / "windows.parquet", "windows", [{**WINDOW, "length": 2}])


def test_bytes_follow_the_rows_and_what_they_were_made_from(tmp_path):
    source = tmp_path / "sources.parquet"
    source.write_bytes(b"one")
    paths = [tmp_path / f"{number}.parquet" for number in range(4)]
    write_table(paths[0], "windows", [WINDOW], {"sources": source})
    write_table(paths[1], "windows", [WINDOW], {"sources": source})
    source.write_bytes(b"two")
    write_table(paths[2], "windows", [WINDOW], {"sources": source})
    write_table(paths[3], "windows", [WINDOW])
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert len({path.read_bytes() for path in paths}) == 3


def test_a_missing_or_foreign_table_is_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="is missing"):
        read_table(tmp_path / "windows.parquet", "windows")
    write_table(tmp_path / "windows.parquet", "windows", [WINDOW])
    with pytest.raises(StaleError, match="make it again"):
        read_table(tmp_path / "windows.parquet", "clips")


def test_the_page_of_tables_is_that_of_the_declarations():
    page = Path(__file__).parents[3] / "docs/tables.md"
    assert page.read_text(encoding="utf-8") == tables_page(), (
        "run `python -m mova_core.curation.tables_page docs/tables.md`"
    )


def test_columns_are_declared_without_contradiction():
    for name, table in TABLES.items():
        assert len(set(table.names)) == len(table.names), name
        for column in table.columns:
            bounds = [end for end in (column.low, column.high) if end is not None]
            assert bounds == sorted(bounds) and not (bounds and column.values), f"{name}.{column.name}"
            assert not bounds or column.type in ("integer", "number"), f"{name}.{column.name}"
