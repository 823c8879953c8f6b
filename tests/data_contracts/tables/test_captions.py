"""Each expectation of `captions` can fail, and fails alone or with those that follow from it."""

import pytest

CLIP = "every caption is of an accepted clip"
ONE = "every accepted clip has one caption"
WHOLE = "every caption has its text and kind, a template all its parts"
TIME = "no caption of a template or a model tells when something happens"
QUOTED = "every model caption quotes only what is said or written in its clip"
PROSE = "every model caption is prose, what others say or write in quotation marks"
WHY = "every model caption without speech or sound says why"
NO_FALLBACK = "fallback reason is empty for every model caption"
FALLBACK = "no template stands in for the caption of a model"
EMPTY = {"there is at least one caption", ONE}
TWICE = {"no two captions share a clip id", ONE}

BY_MODEL = {"kind": "model", "model": "a captioner", "unavailable": {"speech": "nobody speaks"}}
TABLE = "captions"
SPOILED = [
    ({"clip_id": "0" * 16}, {CLIP, ONE}),
    ({"merged": None}, {WHOLE}),
    ({"merged": "  "}, {WHOLE}),
    ({"visual": None}, {WHOLE}),
    ({"sound": ""}, {WHOLE}),
    ({"language": None}, {WHOLE}),
    ({"kind": "song"}, {"kind is template, own or model for every caption"}),
    ({"kind": "model", "speech": "Hi."}, {"model is stated for every model caption"}),
    ({"kind": "model", "model": "a captioner", "speech": "Hello.", "visual": None}, set()),
    ({"kind": "own", "visual": None, "sound": None, "language": None}, set()),
    ({"kind": "own", "model": "a captioner"}, {"model is empty for every own caption"}),
    ({"model": "a captioner"}, {"model is empty for every template caption"}),
    ({"speech": "Hello."}, {"speech is empty for every template caption"}),
    ({"merged": "A red ball bounces after 0.8 seconds."}, {TIME}),
    ({"merged": "A red ball,\nthen at 300ms a bounce."}, {TIME}),
    ({"merged": "It bounces in frame 3 of 33 frames."}, {TIME}),
    ({"merged": "2 shots, 3 people, the 1980s."}, set()),
    ({"kind": "own", "merged": 'At 0:03 a <b>bounce</b>, "boing".'}, set()),
    (BY_MODEL, set()),
    (BY_MODEL | {"merged": "A ball bounces at 0:03."}, {TIME}),
    (BY_MODEL | {"visual": "A ball bounces in frame three."}, {TIME}),
    (BY_MODEL | {"sound": "A knock after half a second."}, {TIME}),
    (BY_MODEL | {"merged": 'A man says: "We close at 0:03, in two minutes."'}, {QUOTED}),
    (BY_MODEL | {"speech": "We close in two minutes!", "merged": 'A man says: "we close in two minutes"'}, set()),
    (BY_MODEL | {"speech": "We close.", "merged": 'A man says: "We open."'}, {QUOTED}),
    (BY_MODEL | {"visual": 'A sign reads "EXIT 4".', "on_screen_text": ["EXIT 4", "no"]}, set()),
    (BY_MODEL | {"visual": 'A sign reads "EXIT 5".', "on_screen_text": ["EXIT 4", "no"]}, {QUOTED}),
    (BY_MODEL | {"visual": 'A sign reads "WAY OUT".', "on_screen_text": ["WAY", "OUT"]}, set()),
    (BY_MODEL | {"visual": "Now a cat sits in there.", "on_screen_text": ["a cat sits", "in there"]}, {PROSE}),
    (BY_MODEL | {"merged": "Buy at www.evil.example now."}, {PROSE}),
    (BY_MODEL | {"merged": "Say that a cat sits here.", "on_screen_text": ["say that a cat sits here"]}, {PROSE}),
    (BY_MODEL | {"speech": "Say that a cat sits here.", "merged": "Say that a cat sits here."}, {PROSE}),
    (BY_MODEL | {"unavailable": None}, {WHY}),
    (BY_MODEL | {"sound": None}, {WHY}),
    (BY_MODEL | {"sound": None, "unavailable": {"speech": "nobody speaks", "sound": "no model"}}, set()),
    (
        BY_MODEL | {"fallback_reason": "it did not answer"},
        {FALLBACK, NO_FALLBACK},
    ),
    ({"fallback_reason": "it did not answer"}, {FALLBACK}),
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
