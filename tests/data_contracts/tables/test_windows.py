"""Each expectation of `windows` can fail, and fails alone or with those that follow from it."""

import pytest

FATE = "every accepted file has windows or is rejected, not both"
LENGTH = "length (s) from 2.062498 to 2.062502 for every window"
HALF = "at least half of the accepted files with video have windows"
LATE = "every window ends before its file does"
KIND = "cuts and speech of its file bear out the kind of every window"
CUTS = "cuts rise inside every file"
FILLED = "every second of a file with windows is in a window or in one rejected interval, not in both"
SPEECH = "speech lies inside every file, no interval inside another"

TABLE = "windows"
SPOILED = [
    ({"window_id": "no hex"}, {"window id is 16 hexadecimal digits for every window"}),
    ({"source_id": "of nobody"}, {"every window lies in an accepted file", FILLED}),
    ({"kind": None}, {"every window is fully described"}),
    ({"start_s": None}, {"every window is fully described", FILLED}),
    (
        {"kind": "speech"},
        {
            "kind is single_scene_speech, multi_scene_speech, single_scene_nonspeech or multi_scene_nonspeech"
            " for every window"
        },
    ),
    ({"kind": "multi_scene_nonspeech"}, {KIND}),
    ({"kind": "single_scene_speech"}, {KIND}),
    ({"start_s": -1.0, "end_s": 1.0625}, {"start (s) from 0 to 604800 for every window"}),
    ({"end_s": 4.563}, {LENGTH, FILLED}),
    ({"end_s": 604_801.0}, {"end (s) from 0 to 604800 for every window", LENGTH, LATE, FILLED}),
    ({"start_s": 6.1, "end_s": 8.1625}, {LATE, FILLED}),
]
TWICE = {"no two windows share a window id"}
LOST = {FATE}
SEGMENTS = {"every file with windows has one row of segments"}
INTERVAL = "every shared interval lies inside two files that have windows or are of audio alone"
DESCRIBED = "every shared interval is fully described"
GROUP = "two files that share an interval are of one group"
TIMES = {name: f"{name} (s) from 0 to 604800 for every shared interval" for name in ("start", "end", "kept start")}
BITS = "video distance bits from 0 to 63 for every shared interval"
SIMILARITY = "audio similarity from -1 to 1 for every shared interval"
SHARED = {INTERVAL, DESCRIBED, GROUP, BITS, SIMILARITY, *TIMES.values()}
STRETCHED = {"audio stretched (s) from 0 to 604800 for every file"}
CROPPED = {f"crop {side} (px) from 0 to 65535 for every file" for side in ("top", "bottom", "left", "right")}
FOUND = "segments are fully described for every file"
EMPTY = {"there is at least one window", HALF, FATE}


def test_a_good_table_holds(failing):
    assert failing("windows") == set()


def test_every_expectation_can_fail(sentences):
    of_segments = {CUTS, SPEECH, FOUND} | CROPPED | STRETCHED
    assert sentences("windows") <= set.union(
        *(told for _, told in SPOILED), TWICE, LOST, SEGMENTS, EMPTY, of_segments, SHARED
    )


@pytest.mark.parametrize(("case", "spoiled"), list(enumerate(SPOILED)))
def test_a_spoiled_row_is_told(told, case, spoiled):
    assert told[case] == spoiled[1]


def test_the_same_window_twice_is_told(world, failing):
    world.rows["windows"].append(world.rows["windows"][0])
    assert failing("windows") == TWICE


def test_a_file_that_disappears_is_named(world, judged):
    del world.rejects["segment"][0]
    (finding,) = judged("windows").broken
    assert {finding.sentence} == LOST
    assert [(example.where, example.value) for example in finding.failing] == [("short.mp4", 0)]


@pytest.mark.parametrize(
    ("end_s", "value"),
    [(2.5, None), (2.4, "0.100 s in neither"), (2.6, "0.100 s in both"), (None, "0.438 s in neither")],
)
def test_every_second_is_in_a_window_or_in_one_rejected_interval(world, judged, end_s, value):
    world.rejects["segment"][1]["end_s"] = end_s
    told = [(row.where, row.value) for finding in judged("windows").broken for row in finding.failing]
    assert told == ([] if value is None else [("00.mp4", value)])


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, set()),
        ({"is_copy": None}, {DESCRIBED}),
        ({"end_s": 2.5}, {INTERVAL}),
        ({"end_s": 9.0, "kept_start_s": 0.0}, {INTERVAL}),
        ({"kept_start_s": 5.5}, {INTERVAL}),
        ({"kept_start_s": -1.0}, {INTERVAL, TIMES["kept start"]}),
        ({"start_s": -1.0}, {INTERVAL, TIMES["start"]}),
        ({"end_s": 604_801.0}, {INTERVAL, TIMES["end"]}),
        ({"video_distance_bits": 64.0}, {BITS}),
        ({"audio_similarity": 1.5}, {SIMILARITY}),
    ],
)
def test_a_shared_interval_lies_inside_two_files(world, failing, values, told):
    world.share(**values)
    assert failing("windows") == told


def test_an_interval_shared_with_itself_or_with_no_file_is_told(world, failing):
    first = world.rows["sources"][0]["source_id"]
    world.share(source_id=first)
    assert failing("windows") == {INTERVAL}
    world.share(source_id="no file")
    assert failing("windows") == {INTERVAL}


def test_two_files_of_two_groups_are_told(world, failing):
    world.share()
    world.share(group_id=world.rows["sources"][1]["source_id"])
    assert failing("windows") == {GROUP}


def test_a_file_without_segments_is_told(world, failing):
    world.rows["segments"].pop()
    assert failing("windows") == SEGMENTS


def test_an_empty_table_is_broken(world, failing):
    world.rows["windows"] = []
    assert failing("windows") == EMPTY


def test_the_length_follows_the_preset(world, judged):
    world.params = world.params.model_copy(update={"preset": "mova-720p"})
    told = {finding.sentence for finding in judged("windows").broken}
    assert told == {"length (s) from 8.04166467 to 8.04166867 for every window"}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"cuts_s": [1.0]}, {KIND}),
        ({"cuts_s": [0.0, 2.0625, 2.5]}, set()),  # at the edges of windows
        ({"cuts_s": [7.0, 6.0]}, {CUTS}),
        ({"cuts_s": [9.0]}, {CUTS}),
        ({"cuts_s": [-1.0]}, {CUTS}),
        ({"speech_s": [[1.0, 1.5]]}, {KIND}),
        ({"speech_s": [[2.0625, 2.5]]}, set()),
        ({"speech_s": None}, set()),
        ({"speech_s": [[5.0, 9.0]]}, {SPEECH}),
        ({"speech_s": [[5.0, 6.0], [5.5, 7.0]]}, {SPEECH}),
        ({"speech_s": [[6.0, 5.0]]}, {SPEECH}),
    ],
)
def test_segments_are_judged_with_their_windows(world, failing, found, told):
    world.rows["segments"][0] |= found
    assert failing("windows") == told


def test_a_crop_that_cannot_be_is_told(world, failing):
    world.rows["segments"][0] |= {f"crop_{side}_px": -1 for side in ("top", "bottom", "left", "right")}
    assert failing("windows") == CROPPED


def test_audio_that_cannot_be_stretched_so_is_told(world, failing):
    world.rows["segments"][0]["audio_stretched_s"] = -0.1
    assert failing("windows") == STRETCHED


def test_a_crop_that_is_not_stated_is_told(world, failing):
    world.rows["segments"][0]["crop_top_px"] = None
    assert failing("windows") == {FOUND}


def test_windows_with_a_cut_and_speech_are_borne_out(world, failing):
    world.rows["segments"][0] |= {"cuts_s": [1.0], "speech_s": [[0.5, 0.7]]}
    world.rows["windows"][0]["kind"] = "multi_scene_speech"
    assert failing("windows") == set()
