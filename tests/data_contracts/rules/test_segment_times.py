"""The quick half of two rules picks every row that the exact half finds fault with, and hardly another."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from data_contracts.columns import Columns
from data_contracts.rules.segment_times import SegmentTimes
from data_contracts.tables.windows import FILE_END_S, TOUCH_S, _cuts_fault, _kind_fault, _speech_fault
from mova_core.curation.tables import TABLES, WINDOW_KINDS

FILES, WINDOWS = 40, 4000
HALF_FRAME_S = 1 / 48
GRID_S = 0.0005  # half of what counts as touching: windows and cuts meet, nearly meet and miss each other


def times(rng: np.random.Generator, count: int) -> list[float]:
    return (rng.integers(0, 20_000, count) * GRID_S).tolist()


def made_segments(rng: np.random.Generator, ordered: bool) -> list[dict]:
    rows = []
    for number in range(FILES):
        cuts, edges = times(rng, rng.integers(0, 6)), times(rng, 2 * rng.integers(0, 5))
        if ordered:
            cuts, edges = sorted(set(cuts)), sorted(edges)
        speech = None if number % 7 == 0 else [list(pair) for pair in zip(edges[::2], edges[1::2], strict=True)]
        rows.append({"source_id": f"file {number}", "cuts_s": cuts, "speech_s": speech})
    return rows


@pytest.fixture(params=[True, False], ids=["ordered", "disordered"])
def found(request):
    rng = np.random.default_rng(5)
    rows = made_segments(rng, request.param)
    return (
        rng,
        rows,
        SegmentTimes(Columns(pa.Table.from_pylist(rows, schema=TABLES["segments"].schema))),
        request.param,
    )


def test_windows_that_belie_their_kind(found):
    rng, segments, in_files, ordered = found
    start_s = np.array(times(rng, WINDOWS))
    windows = pd.DataFrame(
        {
            "source_id": [f"file {number}" for number in rng.integers(0, FILES + 5, WINDOWS)],  # some of no file
            "start_s": start_s,
            "end_s": start_s + rng.integers(10, 4000, WINDOWS) * GRID_S,
            "kind": rng.choice([*WINDOW_KINDS, "odd"], WINDOWS),
        }
    )
    windows.loc[7, "start_s"] = np.nan
    segment_of = {row["source_id"]: row for row in segments}
    wrong = np.array(
        [
            row["source_id"] in segment_of
            and row["start_s"] == row["start_s"]
            and _kind_fault(row, segment_of[row["source_id"]], HALF_FRAME_S) is not None
            for row in windows.to_dict("records")
        ]
    )
    picked = in_files.may_belie(windows, HALF_FRAME_S, TOUCH_S)
    assert wrong.sum() > WINDOWS / 4
    assert picked[wrong].all()
    if ordered:
        assert (picked & ~wrong & (windows["kind"] != "odd")).sum() < 0.02 * WINDOWS


def test_files_that_are_out_of_order(found):
    rng, segments, in_files, _ = found
    duration_s = pd.Series(np.where(rng.random(FILES) < 0.1, np.nan, rng.uniform(5, 15, FILES)))
    picked = in_files.disordered | in_files.outside(duration_s)
    for row, length_s, is_picked in zip(segments, duration_s, picked, strict=True):
        known_s = None if np.isnan(length_s) else length_s
        fault = _cuts_fault(row["cuts_s"], known_s) or _speech_fault(row["speech_s"], known_s)
        assert is_picked or fault is None
    assert picked.any() and FILE_END_S > 0


def test_nothing_found_in_no_file():
    in_files = SegmentTimes(Columns(pa.Table.from_pylist([], schema=TABLES["segments"].schema)))
    windows = pd.DataFrame({"source_id": ["none"], "start_s": [0.0], "end_s": [2.0], "kind": [WINDOW_KINDS[0]]})
    assert not in_files.may_belie(windows, HALF_FRAME_S, TOUCH_S).any()
