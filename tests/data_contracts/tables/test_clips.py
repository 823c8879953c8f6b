"""Each expectation of `clips` can fail, and fails alone or with those that follow from it."""

import pytest

FATE = "every window became one clip or one reject"
SPLIT = "all clips of a file are in one split"
WINDOW = "every clip comes from a window, and from that window's file"
HALF = "at least half of the windows that copy no other file became clips"
TRAIN = "there is at least one clip to train on"
VALIDATION = "some clips are kept for validation"
CANVAS = "canvas is 48x48 for every clip"
COPY = "no clip copies a better file"
GROUP = "all clips of a group of near duplicates are in one split"
TWICE = {"no two clips share a clip id", "no two clips share a place", FATE}
EMPTY = {"there is at least one clip", FATE, HALF, TRAIN, VALIDATION}

TABLE = "clips"
SPOILED = [
    ({"clip_id": "no hex"}, {"clip id is 16 hexadecimal digits for every clip"}),
    ({"window_id": "of nobody"}, {WINDOW, FATE}),
    ({"source_id": "of nobody"}, {WINDOW}),
    ({"sha256": None}, {"every clip is fully described"}),
    ({"path": None}, {"every clip is fully described", "every clip's file is there"}),
    ({"path": "../clips/clips-00000.tar"}, {"path stays inside the clips folder for every clip"}),
    ({"path": "clips-00009.tar"}, {"every clip's file is there"}),
    ({"sha256": "0" * 63}, {"sha256 is 64 hexadecimal digits for every clip"}),
    ({"bytes": 0}, {"bytes at least 1 for every clip"}),
    ({"frames": 32}, {"frames = 33 for every clip"}),
    ({"fps": 15.984}, {"fps = 16 for every clip"}),
    ({"audio_rate_hz": 48_000}, {"audio rate (Hz) = 16000 for every clip"}),
    ({"audio_samples": 32_999}, {"audio samples = 33000 for every clip"}),
    ({"filled_s": 0.05}, {"filled (s) = 0 for every clip"}),
    ({"width_px": 64}, {CANVAS}),
    ({"orientation": "portrait"}, {"orientation is that of the canvas for every clip"}),
    ({"split": "test"}, {"split is train or validation for every clip", SPLIT}),
    ({"split": "validation"}, {SPLIT}),
]


def test_a_good_table_holds(failing):
    assert failing("clips") == set()


def test_every_expectation_can_fail(sentences):
    assert sentences("clips") <= set.union(*(told for _, told in SPOILED), TWICE, EMPTY, {COPY, GROUP})


@pytest.mark.parametrize(("case", "spoiled"), list(enumerate(SPOILED)))
def test_a_spoiled_row_is_told(told, case, spoiled):
    assert told[case] == spoiled[1]


def test_the_same_clip_twice_is_told(world, failing):
    world.rows["clips"].append(world.rows["clips"][0])
    assert failing("clips") == TWICE


def test_near_duplicates_have_one_split_and_copies_give_no_clip(world, failing):
    world.share(is_copy=False)
    assert failing("clips") == {GROUP}  # the second file is the one for validation
    world.rows["near_duplicates"][0]["is_copy"] = True
    for row in world.rows["clips"]:
        row["split"] = "train"
    assert failing("clips") == {COPY, VALIDATION}


@pytest.mark.parametrize(("code", "told"), [("near_duplicate", set()), ("truncated", {HALF})])
def test_copies_are_no_windows_lost_by_a_fault_of_ours(world, failing, code, told):
    world.share(start_s=0.0, kept_start_s=0.0)
    world.lose_second_file(code)
    assert failing("clips") == {VALIDATION} | told


def test_an_empty_table_is_broken(world, failing):
    world.rows["clips"] = []
    assert failing("clips") == EMPTY


def test_a_window_that_disappears_is_named(world, judged):
    lost = world.rejects["cut"].pop()
    (finding,) = judged("clips").broken
    assert finding.sentence == FATE
    assert [(example.id, example.where) for example in finding.failing] == [(lost["id"], "00.mp4 @ 0.0 s")]


def test_a_window_cut_and_rejected_is_told(world, failing):
    world.rejects["cut"][0]["id"] = world.rows["windows"][1]["window_id"]
    assert failing("clips") == {FATE}


def test_no_validation_is_only_a_warning(world, judged):
    for row in world.rows["clips"]:
        row["split"] = "train"
    result = judged("clips")
    assert result.verdict == "warning"
    assert [finding.sentence for finding in result.warnings] == [VALIDATION]


def test_sizes_follow_the_preset(world, judged):
    world.params = world.params.model_copy(update={"preset": "mova-360p"})
    told = {finding.sentence for finding in judged("clips").broken}
    assert {"frames = 193 for every clip", "canvas is 640x352 or 352x640 for every clip"} <= told
