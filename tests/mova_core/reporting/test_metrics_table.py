"""The table shows what was got beside what was asked, and says what is unavailable instead of a number."""

from typing import Any

import pytest

from mova_core.errors import StaleError
from mova_core.evaluation.catalogue import HEADLINE
from mova_core.reporting.metrics_table import metrics_table
from mova_core.reporting.phase_reports import read_phases


def test_a_cell_holds_value_interval_baseline_data_and_gate(folders: Any) -> None:
    folders.two_phases(0.94)
    table = metrics_table(read_phases(folders.root))
    assert table.phases == ("audio", "phase1")
    cell = next(row for row in table.main if row.name == "event_f1").cells[1]
    assert (cell.value, cell.interval, cell.beside) == ("0.940", "0.890 to 0.990", ("shuffled 0.180", "data 0.980"))
    assert (cell.asked, cell.css) == ("✔ ≥ 0.55", "ok")


def test_headline_metrics_come_first_measured_or_not_and_what_no_gate_asks_is_aside(folders: Any) -> None:
    folders.two_phases(0.94)
    table = metrics_table(read_phases(folders.root))
    assert tuple(row.name for row in table.main) == HEADLINE
    assert [row.name for row in table.others] == ["audible_share"]


def test_an_unavailable_cell_points_to_its_reason(folders: Any) -> None:
    folders.two_phases(None)
    table = metrics_table(read_phases(folders.root))
    audio, phase1 = next(row for row in table.main if row.name == "event_f1").cells
    assert audio.value is None and phase1.value is None and phase1.asked == "✘ ≥ 0.55"
    reasons = [each.reason for each in table.unavailable]
    assert reasons[audio.note - 1] == "phase audio trains the audio tower alone"
    assert reasons[phase1.note - 1] == "the footage is not synthetic"
    assert "phase1: event F1" in table.unavailable[phase1.note - 1].metrics


def test_a_metric_that_the_catalogue_does_not_have_is_refused(folders: Any) -> None:
    checkpoint = folders.train("audio")
    folders.evaluate("audio", checkpoint, {"novelty": {"value": 0.5, "better": "lower", "unavailable": None}})
    with pytest.raises(StaleError, match="novelty"):
        metrics_table(read_phases(folders.root))
