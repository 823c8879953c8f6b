"""Which clips each phase takes, and that what was not measured is not taken."""

import pytest

from mova_core.curation.assess.phase_filters import PHASES, closed_phases, phase_rules, training_phases
from mova_core.curation.tables import MEASURES
from mova_core.params import AssessParams, Phase2Filters, Phase3Filters

MOVA = ("mova-360p", "mova-720p")


def verdict(clip_id: str, **measures: float) -> dict:
    return {"clip_id": clip_id, **dict.fromkeys(MEASURES), **measures}


def test_nano_takes_the_least_noisy():
    rows = [verdict(f"clip{index}", noise_sd=index / 100) for index in (7, 3, 9, 0, 5, 1, 8, 2, 6, 4)]
    phases = training_phases("nano", rows)
    assert all(names[:2] == ["audio", "phase1"] for names in phases.values())
    assert sorted(clip for clip, names in phases.items() if "phase2" in names) == [f"clip{i}" for i in range(8)]
    assert sorted(clip for clip, names in phases.items() if "phase3" in names) == [f"clip{i}" for i in range(6)]


def test_nano_breaks_ties_by_clip_id_whatever_the_order():
    rows = [verdict(name, noise_sd=0.01) for name in "edcba"]
    for order in (rows, rows[::-1]):
        phases = training_phases("nano", order)
        assert {clip for clip, names in phases.items() if "phase3" in names} == set("abc")


@pytest.mark.parametrize("preset", MOVA)
def test_a_mova_phase_stays_closed_without_its_measures(preset):
    assert training_phases(preset, [verdict("a", noise_sd=0.0)]) == {"a": ["audio", "phase1"]}


@pytest.mark.parametrize(
    ("measures", "admitted"),
    [
        ({"subtitle_share": 0.0}, {"phase2"}),
        ({"subtitle_share": 0.1}, set()),
        ({"lse_d": 9.5, "lse_c": 4.5}, {"phase2"}),
        ({"lse_d": 9.5}, set()),
        ({"lse_d": 9.6, "lse_c": 9.0}, set()),
        ({"dover_technical": 0.15}, {"phase3"}),
        ({"dover_technical": 0.14}, set()),
        ({"dover_technical": 0.16}, {"phase2", "phase3"}),
    ],
)
def test_the_union_of_the_reports_filters(measures, admitted):
    (names,) = training_phases("mova-720p", [verdict("a", **measures)]).values()
    assert set(names) - {"audio", "phase1"} == admitted


def test_bounds_are_those_of_the_params():
    strict = AssessParams(
        phase2=Phase2Filters(dover_technical_above=0.5), phase3=Phase3Filters(dover_technical_above=0.2)
    )
    row = verdict("a", dover_technical=0.3)
    assert training_phases("mova-720p", [row], strict) == {"a": ["audio", "phase1", "phase3"]}
    assert training_phases("mova-720p", [row]) == {"a": ["audio", "phase1", "phase2", "phase3"]}


@pytest.mark.parametrize("preset", ("nano", *MOVA))
def test_every_preset_has_the_four_phases(preset):
    assert tuple(phase_rules(preset, AssessParams())) == PHASES


@pytest.mark.parametrize(
    ("unavailable", "closed"),
    [
        ((), {}),
        (("dover_technical",), {"phase3": ["dover_technical"]}),
        (("lse_c", "subtitle_share"), {}),
        (
            ("subtitle_share", "lse_d", "dover_technical"),
            {"phase2": ["dover_technical", "lse_d", "subtitle_share"], "phase3": ["dover_technical"]},
        ),
    ],
)
def test_a_closed_phase_names_what_it_needs(unavailable, closed):
    assert closed_phases("mova-720p", AssessParams(), unavailable) == closed
    assert closed_phases("nano", AssessParams(), unavailable) == {}


def test_no_accepted_clip_no_phase():
    assert training_phases("nano", []) == {}
