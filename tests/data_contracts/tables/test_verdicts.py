"""Each expectation of `verdicts` can fail, and fails alone or with those that follow from it."""

import pytest

from data_contracts.expectations import words
from mova_core.curation.tables import MEASURES, measures_of
from mova_core.params import AssessParams, Params

FATE = "every rejected clip has a reason and is among the rejects, no accepted one is"
PHASES = "every accepted clip is in a training phase that exists, no rejected one is in any"
SUBTITLES = "every verdict says of subtitles what was measured"
CLIP = "every verdict is about a clip that exists"
ONE = "every clip has one verdict"
SYNC = "imagebind ≥ 0.2 or desync ≤ 0.5 s among accepted clips, where either was measured"
TAKEN = "every clip has the measures that the filters of its training phases need"
REFUSED = "no clip is refused by a training phase whose filters are unavailable"
HALF = "at least half of the clips are accepted"
SOME = "there is at least one accepted clip"
ROWS = "rows in = kept + rejected at every stage"
SECONDS = "seconds in = kept + rejected at every stage"
COVER = "no stage keeps more of the footage than the one before it"
EMPTY = {ROWS, SECONDS, "there is at least one verdict", SOME, HALF, ONE}
TWICE = {"no two verdicts share a clip id", ONE, ROWS, SECONDS}

NYQUIST_HZ = 8000  # of nano's clips
HIGHEST = {measure.name: measure.high for measure in MEASURES} | {
    "bandwidth_hz": NYQUIST_HZ,
    "clipping_runs_hz": NYQUIST_HZ,
}
IMPOSSIBLE = {
    measure.name: (high + 1, f"{words(measure.name)} from {measure.low:.9g} to {high:.9g} for every clip")
    for measure, high in zip(MEASURES, HIGHEST.values(), strict=True)
}
LIMITS = {
    "silence_ratio": (0.8, "silence ratio < 0.8 among accepted clips"),
    "bandwidth_hz": (1000, "bandwidth (Hz) > 1000 among accepted clips"),
    "lufs": (-50, "lufs > -50 among accepted clips"),
    "clipped_share": (0.05, "clipped share < 0.05 among accepted clips"),
    "black_share": (0.5, "black share < 0.5 among accepted clips"),
    "frozen_share": (0.9, "frozen share < 0.9 among accepted clips"),
    "audiobox_pq": (5, "audiobox pq > 5 among accepted clips"),
    "audiobox_cu": (4.5, "audiobox cu > 4.5 among accepted clips"),
    "audiobox_ce": (2.5, "audiobox ce > 2.5 among accepted clips"),
    "dover_aesthetic": (0.85, "dover aesthetic > 0.85 among accepted clips"),
    "dover_technical": (0.05, "dover technical > 0.05 among accepted clips"),
}
UNKNOWN = {
    *("silence ratio is known for every accepted clip", "bandwidth (Hz) is known for every accepted clip"),
    *("lufs is known for every accepted clip", "clipped share is known for every accepted clip"),
    *("black share is known for every accepted clip", "frozen share is known for every accepted clip"),
    *("motion is known for every accepted clip", "noise sd is known for every accepted clip"),
    "speech share is known for every accepted clip",
}

TABLE = "verdicts"
AT_LIMIT = {name: value for name, (value, _) in LIMITS.items()}
REJECTED = {"verdict": "rejected", "rejections": {"lufs": "too quiet"}, "phases": []}

SPOILED = [
    ({"clip_id": "no hex"}, {"clip id is 16 hexadecimal digits for every verdict", CLIP, ONE}),
    ({"clip_id": "0" * 16}, {CLIP, ONE}),
    ({"verdict": None}, {"every verdict is fully described"}),
    ({"verdict": "maybe"}, {"verdict is accepted or rejected for every clip"}),
    ({"verdict": "rejected"}, {FATE, PHASES}),
    ({"rejections": {"lufs": "too quiet"}}, {FATE}),
    ({"phases": []}, {PHASES}),
    ({"phases": ["phase9"]}, {PHASES}),
    ({"subtitle_share": 0.0, "has_subtitles": False}, set()),
    ({"subtitle_share": 0.5, "has_subtitles": True}, set()),
    ({"subtitle_share": 0.5, "has_subtitles": False}, {SUBTITLES}),
    ({"has_subtitles": False}, {SUBTITLES}),
    ({"imagebind": 0.1, "desync_s": 0.6}, {SYNC}),
    ({"imagebind": 0.1}, {SYNC}),
    ({"imagebind": 0.1, "desync_s": 0.5}, set()),
    ({"imagebind": 0.2, "desync_s": 0.6}, set()),
    (AT_LIMIT, {told for _, told in LIMITS.values()}),
    (REJECTED | AT_LIMIT, {FATE}),  # a limit says nothing of a rejected clip
    (
        REJECTED | {name: value for name, (value, _) in IMPOSSIBLE.items()},
        {FATE, SUBTITLES, *(told for _, told in IMPOSSIBLE.values())},
    ),
    (dict.fromkeys(measures_of("always")), UNKNOWN | {REFUSED}),
    ({"noise_sd": None, "phases": ["audio", "phase3"]}, {TAKEN, REFUSED, "noise sd is known for every accepted clip"}),
    ({"noise_sd": None, "phases": ["audio", "phase2", "phase3"]}, {TAKEN, "noise sd is known for every accepted clip"}),
    (REJECTED | {"noise_sd": None}, {FATE}),
]


def test_a_good_table_holds(failing):
    assert failing("verdicts") == set()


def test_every_expectation_can_fail(sentences):
    assert sentences("verdicts") <= set.union(*(told for _, told in SPOILED), EMPTY, TWICE, {COVER})


@pytest.mark.parametrize(("case", "spoiled"), list(enumerate(SPOILED)))
def test_a_spoiled_row_is_told(told, case, spoiled):
    assert told[case] == spoiled[1]


def test_limits_follow_the_params(world, failing):
    assess = world.params.assess.model_copy(update={"silence_ratio_below": 0.25})
    world.params = world.params.model_copy(update={"assess": assess})
    assert failing("verdicts") == {"silence ratio < 0.25 among accepted clips"}


def test_a_large_preset_does_not_go_on_with_clips_that_no_filter_has_seen(world, judged):
    clips = len(world.rows["verdicts"]) - 1
    world.params = Params(preset="mova-360p")
    taken = [finding for finding in judged("verdicts").broken if finding.sentence == TAKEN]
    assert [finding.unexpected_count for finding in taken] == [clips]
    assert taken[0].failing[0].value.startswith("audio, phase1 without audiobox_pq, audiobox_cu")
    needed = taken[0].failing[0].value.partition(" without ")[2].split(", ")
    world.params = Params(preset="mova-360p", assess=AssessParams(allow_unavailable=tuple(needed)))
    assert TAKEN not in {finding.sentence for finding in judged("verdicts").broken}


def test_a_clip_without_a_verdict_is_named(world, judged):
    lost = world.rows["verdicts"].pop(1)
    finding, *balance = judged("verdicts").broken
    assert finding.sentence == ONE
    assert [(each.sentence, each.failing[0].id) for each in balance] == [(ROWS, "assess"), (SECONDS, "assess")]
    assert [example.id for example in finding.failing] == [lost["clip_id"]]


def test_a_clip_judged_twice_is_told(world, failing):
    world.rows["verdicts"].append(world.rows["verdicts"][0])
    assert failing("verdicts") == TWICE


def test_an_empty_table_is_broken(world, failing):
    world.rows["verdicts"], world.rejects["assess"] = [], []
    assert failing("verdicts") == EMPTY


def test_one_clip_must_be_accepted(world, failing):
    (example,) = world.rejects["assess"]
    for row in world.rows["verdicts"]:
        row |= REJECTED
    world.rejects["assess"] = [example | {"id": row["clip_id"]} for row in world.rows["verdicts"]]
    assert failing("verdicts") == {SOME, HALF}


def test_windows_of_files_that_are_not_there_are_told(world, failing):
    world.rows["sources"] = [row for row in world.rows["sources"] if row["path"] != "00.mp4"]
    assert failing("verdicts") == {ROWS}


def test_more_windows_than_footage_is_told(world, failing):
    for row in world.rows["sources"][:-1]:
        row["duration_s"] = 1.0
    assert failing("verdicts") == {COVER}


@pytest.mark.parametrize("values", [{"frames": 32}, {"audio_samples": 32_000}])
def test_a_clip_shorter_than_its_window_is_told(world, failing, values):
    world.rows["clips"][0] |= values
    assert failing("verdicts") == {SECONDS}


def test_tables_of_two_runs_are_told(world, failing):
    world.rows["clips"] = world.rows["clips"][1:]
    assert failing("verdicts") >= {ROWS, SECONDS}


def test_a_reject_that_is_lost_at_any_stage_is_told(world, judged):
    world.rejects["cut"] = []
    (rows, seconds) = judged("verdicts").broken
    assert (rows.sentence, rows.failing[0].id, rows.failing[0].value) == (ROWS, "cut", "4 in, 3 kept, 0 rejected")
    assert (seconds.sentence, seconds.failing[0].value) == (SECONDS, "+2.062500 s")


@pytest.mark.parametrize("said", [None, " ", "release 17"])
def test_what_phase_3_requires_is_asked_of_its_clips_alone(data, world, told_of, said):
    world.params = Params.model_validate({"contract": {"phase3_requires": ["rights", "consent"]}})
    verdict = world.rows["verdicts"][0]
    verdict["phases"] = ["audio", "phase1", "phase3"]
    for row in world.rows["sources"]:
        row["consent"] = said
    told = told_of("verdicts", world, data, [{row["clip_id"]} for row in world.rows["verdicts"]])
    sentence = "rights and consent stated for the file of every clip of phase 3"
    assert [sentence in one for one in told] == [not (said and said.strip()), *[False] * (len(told) - 1)]
