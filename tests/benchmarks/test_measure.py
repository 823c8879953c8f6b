"""A row is the median of what was measured in turn, with its spread."""

import pytest

from benchmarks import measure


def test_subject_and_baseline_run_in_turn():
    ran = []
    pairs = measure.in_turn(lambda: ran.append("subject"), lambda: ran.append("baseline"), 3)
    assert ran == ["subject", "baseline"] * 3
    assert len(pairs) == 3


def test_a_row_holds_the_median_and_the_spread():
    row = measure.row("demo.some_ratio", [3.0, 1.0, 2.0], against="another", better="lower", target=1.5)
    assert (row.value, row.spread, row.repeats) == (2.0, (1.0, 3.0), 3)
    assert (row.unit, row.better, row.target, row.baseline) == ("ratio", "lower", 1.5, "another")
    assert row.command == "python -m benchmarks demo"


def test_a_ratio_is_that_of_each_pair(monkeypatch):
    """A clock by which the subject takes 3 s and the baseline 2 s."""
    now = [0.0]
    monkeypatch.setattr(measure.time, "perf_counter", lambda: now[0])

    def taking(seconds):
        def run():
            now[0] += seconds

        return run

    row = measure.ratio("demo.some_ratio", taking(3.0), taking(2.0), against="another", better="lower", repeats=4)
    assert row.value == pytest.approx(1.5)
    assert row.spread == (1.5, 1.5)
    assert row.repeats == 4
