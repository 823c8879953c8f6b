"""The funnel counts every second once and loses no row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mova_core.curation.funnel import covered_s, curation_funnel, funnel_metrics
from mova_core.curation.tables import write_table
from mova_core.places import DataFolder


def window(source: str, start: float, end: float) -> dict:
    return {"window_id": f"{source}{start}{end}", "source_id": source, "start_s": start, "end_s": end, "kind": "k"}


spans = st.tuples(st.sampled_from("ab"), st.integers(0, 30), st.integers(1, 10))


@given(st.lists(spans, max_size=20))
def test_overlapping_windows_are_counted_once(drawn):
    windows = [window(source, start, start + length) for source, start, length in drawn]
    seconds = {(source, second) for source, start, length in drawn for second in range(start, start + length)}
    assert covered_s(windows) == pytest.approx(len(seconds))


def test_rows_in_are_rows_kept_and_rows_lost(tmp_path):
    data = DataFolder(tmp_path)
    sources = [
        {"source_id": "a", "path": "a.mp4", "duration_s": 10.0, "verdict": "accepted"},
        {"source_id": "b", "path": "b.mp4", "duration_s": None, "verdict": "rejected"},
    ]
    windows = [window("a", 0, 4), window("a", 2, 6), window("a", 6, 9.5)]
    clips = [{"clip_id": f"c{index}", "window_id": row["window_id"]} for index, row in enumerate(windows[:2])]
    verdicts = [{"clip_id": "c0", "verdict": "accepted"}, {"clip_id": "c1", "verdict": "rejected"}]
    for name, rows in {"sources": sources, "windows": windows, "clips": clips, "verdicts": verdicts}.items():
        write_table(data.table(name), name, rows)
    lost = {"ingest": "b.mp4", "segment": None, "cut": windows[2]["window_id"], "assess": "c1"}
    for stage, identity in lost.items():
        rows = [{"table": "t", "id": identity, "stage": stage, "reason_code": "x", "reason": "y"}] if identity else []
        if stage == "segment":
            remainder = {"table": "t", "id": "a", "stage": stage, "reason_code": "rest", "reason": "y"}
            rows = [remainder | {"start_s": 9.5, "end_s": 10.0}]
        write_table(data.rejects(stage), "rejects", rows)

    data.hidden.write_text('[".DS_Store", "b/.trash"]')
    assert curation_funnel(data)[0].losses[0].amount == "2" and curation_funnel(data)[0].rows_in == 4
    assert curation_funnel(data)[0].losses[0].examples[1].startswith("b/.trash: ")
    data.hidden.write_text("[]")
    steps = curation_funnel(data)
    assert [step.rows_in for step in steps] == [2, 2, 1, 3, 2]
    for step in steps:
        assert step.rows_in == step.rows_kept + sum(loss.rows for loss in step.losses)
    assert [step.seconds_kept for step in steps] == [10, 10, 9.5, 6, 4]
    assert [loss.seconds for step in steps for loss in step.losses] == [None, 0.5, 3.5, 4]  # ingest's file told none
    metrics = funnel_metrics(steps)
    assert metrics["assess"]["share_of_footage"] == 0.4
    assert (metrics["segment"]["rejected"], metrics["segment"]["intervals_s"]) == ({}, {"rest": 0.5})
