"""Each expectation of `captions` can fail, and fails alone or with those that follow from it."""

import pytest

CLIP = "every caption is of an accepted clip"
ONE = "every accepted clip has one caption"
WHOLE = "every caption has its text and kind, a template all its parts"
TIME = "no template caption tells when something happens"
EMPTY = {"there is at least one caption", ONE}
TWICE = {"no two captions share a clip id", ONE}

TABLE = "captions"
SPOILED = [
    ({"clip_id": "0" * 16}, {CLIP, ONE}),
    ({"merged": None}, {WHOLE}),
    ({"merged": "  "}, {WHOLE}),
    ({"visual": None}, {WHOLE}),
    ({"sound": ""}, {WHOLE}),
    ({"language": None}, {WHOLE}),
    ({"kind": "song"}, {"kind is template, own or model for every caption"}),
    ({"kind": "model"}, {"model is stated for every model caption"}),
    ({"kind": "model", "model": "a captioner", "speech": "Hello.", "visual": None}, set()),
    ({"kind": "own", "visual": None, "sound": None, "language": None}, set()),
    ({"kind": "own", "model": "a captioner"}, {"model is empty for every own caption"}),
    ({"model": "a captioner"}, {"model is empty for every template caption"}),
    ({"speech": "Hello."}, {"speech is empty for every template caption"}),
    ({"merged": "A red ball bounces after 0.8 seconds."}, {TIME}),
    ({"merged": "A red ball,\nthen at 300ms a bounce."}, {TIME}),
    ({"merged": "It bounces in frame 3 of 33 frames."}, {TIME}),
    ({"merged": "2 shots, 3 people, the 1980s."}, set()),
]


def test_a_good_table_holds(failing):
    assert failing("captions") == set()


def test_every_expectation_can_fail(sentences):
    assert sentences("captions") <= set.union(*(told for _, told in SPOILED), EMPTY, TWICE)


@pytest.mark.parametrize(("case", "spoiled"), list(enumerate(SPOILED)))
def test_a_spoiled_row_is_told(told, case, spoiled):
    assert told[case] == spoiled[1]


def test_a_rejected_clip_has_no_caption(world, failing):
    world.rows["captions"].append(world.rows["captions"][0] | {"clip_id": world.rows["clips"][-1]["clip_id"]})
    assert failing("captions") == {CLIP}


def test_a_clip_captioned_twice_is_told(world, failing):
    world.rows["captions"].append(world.rows["captions"][0])
    assert failing("captions") == TWICE


def test_a_clip_without_caption_is_named(world, judged):
    lost = world.rows["captions"].pop()
    (finding,) = judged("captions").broken
    assert (finding.sentence, [example.id for example in finding.failing]) == (ONE, [lost["clip_id"]])


def test_an_empty_table_is_broken(world, failing):
    world.rows["captions"] = []
    assert failing("captions") == EMPTY
