"""Which clips each phase takes, and that what was not measured is not taken."""

import pytest

from mova_core.curation.phases import PHASES, training_phases
from mova_core.curation.tables import MEASURES


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


@pytest.mark.parametrize("preset", [preset for preset in PHASES if preset != "nano"])
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


def test_no_accepted_clip_no_phase():
    assert training_phases("nano", []) == {}
