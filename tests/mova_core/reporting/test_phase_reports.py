"""What is said of each phase is what its files say; what is not there is named with the command that makes it."""

import json
from typing import Any

import pytest

from mova_core.errors import StaleError
from mova_core.reporting.phase_reports import figures, headline, last_evaluated, read_phases, verdict


def said(folders: Any) -> tuple[str, str]:
    last = last_evaluated(read_phases(folders.root))
    assert last is not None and last.evaluation is not None
    return headline(last.phase, last.evaluation), verdict(last)


def test_nothing_there_is_nothing_said(folders: Any) -> None:
    phases = read_phases(folders.root)
    assert [each.phase.name for each in phases] == ["audio", "phase1", "phase2", "phase3"]
    assert last_evaluated(phases) is None and figures(phases) == {}
    assert [each.missing.command for each in phases if each.missing] == [
        f"mova train {name}" for name in ("audio", "phase1", "phase2", "phase3")
    ]


def test_the_last_phase_is_told_with_baseline_and_data(folders: Any) -> None:
    folders.two_phases(0.94)
    assert said(folders) == (
        "phase1: video and audio agree on 94% of events; shuffled pairs 18%, data 98%.",
        "phase1 passes its gate.",
    )


def test_a_failed_gate_is_told_with_its_limit(folders: Any) -> None:
    folders.two_phases(0.31)
    assert said(folders)[1] == (
        "phase1 fails 1 of 1 gates and hands no model on: event_f1 0.310, at least 0.55 is asked."
    )


def test_what_is_unavailable_is_never_a_number(folders: Any) -> None:
    folders.two_phases(None)
    assert "an unknown share of events (the footage is not synthetic)" in said(folders)[0]
    numbers = figures(read_phases(folders.root))
    assert numbers["phase1"]["event_f1"] is None and numbers["phase1"]["desync_s"] is None
    assert numbers["sweep"]["off"]["event_f1"] is None
    assert "event_f1 unavailable" in said(folders)[1]


def test_other_footage_is_told_by_what_can_be_measured(folders: Any) -> None:
    folders.two_phases(None, suite="captions")
    text, _ = said(folders)
    assert "100% are audible" in text and "cannot be measured on this footage" in text


def test_figures_are_by_phase_and_by_scale(folders: Any) -> None:
    folders.two_phases(0.94)
    numbers = figures(read_phases(folders.root))
    assert list(numbers) == ["audio", "phase1", "sweep"]
    assert numbers["phase1"]["event_f1"] == 0.94 and numbers["phase1"]["desync_s"] is None
    assert list(numbers["sweep"]) == ["off", "0", "2"]


def test_a_decision_about_another_evaluation_is_none(folders: Any) -> None:
    folders.two_phases(0.94)
    path = folders.root / "reports/evaluation/phase1/metrics.json"
    path.write_text(path.read_text() + "\n")
    phase1 = read_phases(folders.root)[1]
    assert phase1.selection is None
    assert phase1.missing is not None and phase1.missing.command == "mova select phase1"


def test_an_unfinished_run_has_no_curves(folders: Any) -> None:
    folders.train("audio")
    (folders.root / "runs/audio/manifest.json").unlink()
    with (folders.root / "runs/audio/curves.jsonl").open("a") as curves:
        curves.write('{"step": 4')  # killed while writing
    assert read_phases(folders.root)[0].curves is None


def test_a_damaged_evaluation_is_named(folders: Any) -> None:
    folders.two_phases()
    path = folders.root / "reports/evaluation/phase1/metrics.json"
    values = json.loads(path.read_text())
    del values["sweep"]
    path.write_text(json.dumps(values))
    with pytest.raises(StaleError, match=r"phase1/metrics\.json.*sweep"):
        read_phases(folders.root)
