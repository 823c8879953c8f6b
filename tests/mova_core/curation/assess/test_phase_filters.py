"""Which clips each phase takes, and that what was not measured is not taken."""

import pytest

from mova_core.curation.assess.phase_filters import check_allowed, phase_rules, refusing_phases, training_phases
from mova_core.curation.tables import EITHER, LIMITED, MEASURE_NAMES
from mova_core.errors import UsageError
from mova_core.params import PHASE_NAMES, AssessParams, Phase2Filters, Phase3Filters

MOVA = ("mova-360p", "mova-720p")
WITHIN = dict.fromkeys((measure.name for measure in (*LIMITED, *EITHER)), 0.1)  # all limits of acceptance are measured
WITHIN |= {"dover_technical": 0.06, "subtitle_share": 0.5}


def verdict(clip_id: str, **measures: float) -> dict:
    return {"clip_id": clip_id, **dict.fromkeys(MEASURE_NAMES), **measures}


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
def test_no_mova_phase_takes_a_clip_that_its_filters_have_not_seen(preset):
    assert training_phases(preset, [verdict("a", noise_sd=0.0)]) == {"a": []}
    for measure in LIMITED:
        assert training_phases(preset, [verdict("a", **WITHIN) | {measure.name: None}]) == {"a": []}, measure.name


def test_one_of_the_two_sync_measures_is_enough():
    without = [verdict("both"), verdict("imagebind", imagebind=0.3), verdict("desync", desync_s=0.1)]
    sync = dict.fromkeys(("imagebind", "desync_s"))
    rows = [WITHIN | sync | {key: value for key, value in row.items() if value is not None} for row in without]
    rows = [dict.fromkeys(MEASURE_NAMES) | row for row in rows]
    assert training_phases("mova-720p", rows) == {
        "both": [],
        "imagebind": ["audio", "phase1"],
        "desync": ["audio", "phase1"],
    }


@pytest.mark.parametrize(
    ("null", "allowed", "phases"),
    [
        (("audiobox_pq",), ("audiobox_pq",), ["audio", "phase1"]),
        (("audiobox_pq", "audiobox_cu"), ("audiobox_pq",), []),
        (("imagebind", "desync_s"), ("imagebind",), []),
        (("imagebind", "desync_s"), ("imagebind", "desync_s"), ["audio", "phase1"]),
        (("dover_technical",), ("dover_technical",), ["audio", "phase1", "phase3"]),  # subtitles still speak in phase 2
        (("dover_technical", "subtitle_share", "lse_d", "lse_c"), ("dover_technical",), ["audio", "phase1", "phase3"]),
        (
            ("dover_technical", "subtitle_share", "lse_d", "lse_c"),
            ("dover_technical", "subtitle_share", "lse_d", "lse_c"),
            list(PHASE_NAMES),
        ),
        ((), ("dover_technical",), ["audio", "phase1"]),  # what is measured counts, allowed to be missing or not
    ],
)
def test_an_allowed_measure_is_left_out_where_it_is_null(null, allowed, phases):
    row = verdict("a", **WITHIN, lse_d=20.0, lse_c=0.0) | dict.fromkeys(null)
    assert training_phases("mova-720p", [row], AssessParams(allow_unavailable=allowed)) == {"a": phases}


def test_only_measures_of_filters_may_be_allowed():
    check_allowed(AssessParams(allow_unavailable=("audiobox_pq", "desync_s", "lse_c", "subtitle_share")))
    for name in ("dover", "motion"):
        with pytest.raises(UsageError, match=f"allow_unavailable names '{name}', expected .* audiobox_ce, audiobox_cu"):
            check_allowed(AssessParams(allow_unavailable=(name,)))


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
    (names,) = training_phases("mova-720p", [verdict("a", **WITHIN | measures)]).values()
    assert set(names) - {"audio", "phase1"} == admitted


def test_bounds_are_those_of_the_params():
    strict = AssessParams(
        phase2=Phase2Filters(dover_technical_above=0.5), phase3=Phase3Filters(dover_technical_above=0.2)
    )
    row = verdict("a", **WITHIN | {"dover_technical": 0.3})
    assert training_phases("mova-720p", [row], strict) == {"a": ["audio", "phase1", "phase3"]}
    assert training_phases("mova-720p", [row]) == {"a": ["audio", "phase1", "phase2", "phase3"]}


@pytest.mark.parametrize("preset", ("nano", *MOVA))
def test_every_preset_has_the_four_phases(preset):
    assert tuple(phase_rules(preset, AssessParams())) == PHASE_NAMES


@pytest.mark.parametrize(
    ("unavailable", "closed"),
    [
        ((), {}),
        (("dover_technical",), {key: ["dover_technical"] for key in PHASE_NAMES}),
        (("lse_c", "subtitle_share"), {}),
        (("imagebind",), {}),
        (("desync_s", "imagebind"), {key: ["imagebind", "desync_s"] for key in PHASE_NAMES}),
    ],
)
def test_a_refusing_phase_names_what_it_needs(unavailable, closed):
    assert refusing_phases("mova-720p", AssessParams(), unavailable) == closed
    assert refusing_phases("nano", AssessParams(), unavailable) == {}


def test_a_phase_may_need_more_than_acceptance_does():
    limits = AssessParams(allow_unavailable=("dover_technical",))
    refusing = refusing_phases("mova-720p", limits, ("dover_technical", "subtitle_share", "lse_d"))
    assert refusing == {"phase2": ["subtitle_share", "lse_d"]}
    assert refusing_phases("nano", limits, ("noise_sd",)) == {key: ["noise_sd"] for key in ("phase2", "phase3")}


def test_no_accepted_clip_no_phase():
    assert training_phases("nano", []) == {}
