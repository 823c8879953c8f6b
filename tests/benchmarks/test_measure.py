"""A row is the median of what was measured in turn, with its spread."""

import pytest

from benchmarks import __main__ as command
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


@pytest.mark.parametrize(
    ("better", "target", "missed"),
    [
        ("lower", 1.9, True),
        ("lower", 2.0, False),
        ("higher", 2.1, True),
        ("higher", 2.0, False),
        ("lower", None, False),
    ],
)
def test_a_missed_target_is_told_and_fails_the_run(better, target, missed, monkeypatch, tmp_path, capsys):
    row = measure.row("demo.some_ratio", [2.0], against="another", better=better, target=target)
    monkeypatch.setattr(measure, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(command, "parts_of", lambda name: {"": lambda: [row]})
    assert command.main(["sampler"]) == missed
    assert ("missed: demo.some_ratio is 2" in capsys.readouterr().err) == missed


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [(["--help"], 0, "curation.tools"), (["nonsense"], 2, "'nonsense' is none of"), (["sampler.x"], 2, "no part 'x'")],
)
def test_the_command_line_explains_itself(arguments, code, told, capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    printed = capsys.readouterr()
    assert ended.value.code == code
    assert told in printed.out + printed.err


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


def test_the_table_fits_80_columns(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(measure, "RESULTS", tmp_path / "results.json")
    rows = [
        measure.row(f"sampler.step_512_of_a_long_name_{unit}", [1.23456, 123.456], against="word " * 40, **options)
        for unit, options in {"s": {"better": "lower", "target": 6.0, "unit": "s"}, "x": {"better": "higher"}}.items()
    ]
    measure.record(rows)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("missed" in line for line in lines)
