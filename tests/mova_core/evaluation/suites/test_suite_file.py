"""A suite's file: lines of `mova generate --prompts` with facts, each wrong one named; Verse-Bench as published."""

import json
from collections import Counter

import pytest

from mova_core.errors import UsageError
from mova_core.evaluation.suites.item import SuiteItem
from mova_core.evaluation.suites.suite_file import FACTS, SuiteLine, read_suite
from mova_core.measures.clip import Asked
from mova_core.sampling.request.prompt_file import read_prompts
from mova_core.sampling.request.wanted import Given, Wanted
from mova_core.speech.transcript import Segment, Transcript
from tests.conftest import REPOSITORY, SHARED

VERSE_BENCH = SHARED / "verse_bench_prompts.json"
SAID = [{"speaker": "A", "text": "Hello."}, {"speaker": "B", "text": "Good morning."}]
SPOKEN = Transcript(segments=tuple(Segment(**each) for each in SAID), language="en")


@pytest.fixture
def suite(tmp_path):
    def write(*lines, name="talks.jsonl"):
        path = tmp_path / name
        path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        return path

    return write


def test_lines_say_what_is_generated_and_what_metrics_may_know(suite, tmp_path):
    full = {
        "prompt": "two people talk",
        "name": "talk",
        "seed": 7,
        "image": "first.png",
        "set": "dialogue",
        "speech": SAID,
        "language": "en",
        "on_screen_text": ["OPEN"],
    }
    ball = {"prompt": "a ball", "label": "red-ball", "audio_label": "green-box"}
    assert read_suite(suite(full, ball)) == (
        SuiteItem(
            Wanted("talk", "two people talk", 7, Given(image=tmp_path / "first.png")),
            Asked("two people talk", set="dialogue", speech=SPOKEN, on_screen_text=("OPEN",)),
        ),
        SuiteItem(Wanted("00001", "a ball", 1), Asked("a ball", "red-ball", "green-box")),
    )


def test_lines_without_facts_ask_for_what_generate_makes_of_them(suite):
    path = suite({"prompt": "one"}, {"prompt": "two", "name": "b", "seed": 3})
    assert [item.wanted for item in read_suite(path)] == read_prompts(path, 0)


def test_speech_may_be_a_whole_transcript(suite):
    whole = json.loads(SPOKEN.model_dump_json(exclude_defaults=True))
    (item,) = read_suite(suite({"prompt": "x", "speech": whole}))
    assert item.asked.speech == SPOKEN


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"prompt": "x", "labl": "red-ball"}, "line 2: labl is 'red-ball'"),
        ({"prompt": "x", "label": "cube"}, "line 2: label is 'cube': expected one of red-ball"),
        ({"prompt": "x", "set": ""}, "line 2: set is ''"),
        ({"prompt": "x", "speech": [{"says": "x"}]}, "line 2: speech is .*segments.0.text"),
        ({"prompt": "x", "speech": []}, "line 2: speech is .*nothing is said"),
        ({"prompt": "x", "language": "en"}, "line 2: .*'en' without speech"),
        ({"prompt": "x", "speech": SAID, "language": "English"}, "line 2: language is 'English'"),
        ({"prompt": "x", "speech": {"segments": SAID, "language": "zh"}, "language": "en"}, "line 2: .*leave one out"),
        ({"prompt": "x", "on_screen_text": [1]}, "line 2: on_screen_text.0 is 1"),
        ({"prompt": "x", "name": "../x"}, "line 2: name is '../x'"),
        ({"prompt": "x", "name": "00000"}, "names 2 clips '00000'"),
    ],
)
def test_a_wrong_line_is_named(suite, wrong, sentence):
    with pytest.raises(UsageError, match=sentence):
        read_suite(suite({"prompt": "fine"}, wrong))


def test_every_key_of_a_line_is_in_the_documentation():
    page = (REPOSITORY / "docs/evaluation.md").read_text(encoding="utf-8")
    assert FACTS == ("set", "label", "audio_label", "speech", "language", "on_screen_text")
    for name in FACTS:
        assert f"| `{name}` |" in page, name
    assert all(SuiteLine.model_fields[name].description for name in FACTS)


def item(**changes):
    return {
        "prompt": "a man speaks",
        "video_prompt": "a man",
        "audio_prompt": ["speech"],
        "speech_prompt": {"speaker": "the man", "text": "Good evening."},
        "first_frame_path": "",
        "videos": [],
    } | changes


def test_verse_bench_names_sets_speech_and_first_frames(suite, tmp_path):
    path = suite(
        {
            "set1": {"0001": item(), "0002": item(speech_prompt={"speaker": "", "text": " "})},
            "set3": {"1001": item(speech_prompt={"speaker": "", "text": "晚上好"}, first_frame_path="frames/a.png")},
        },
        name="verse.json",
    )
    first, second, third = read_suite(path)
    assert [each.name for each in (first, second, third)] == ["set1-0001", "set1-0002", "set3-1001"]
    assert [each.asked.set for each in (first, second, third)] == ["set1", "set1", "set3"]
    assert first.asked.speech == Transcript(segments=(Segment(text="Good evening.", speaker="the man"),), language="en")
    assert second.asked.speech is None
    assert third.asked.speech == Transcript(segments=(Segment(text="晚上好"),), language="zh")
    assert third.wanted == Wanted("set3-1001", "a man speaks", 2, Given(image=tmp_path / "frames/a.png"))
    assert first.wanted.given.image is None


@pytest.mark.parametrize(
    ("layout", "sentence"),
    [
        ({}, "has no prompt"),
        ({"set1": {"1": {"prompt": "x"}}}, "layout of Verse-Bench: set1.1.video_prompt"),
        ({"set1": {"1": item(caption="x")}}, "layout of Verse-Bench: set1.1.caption"),
        ({"set1": {"../1": item()}}, "name is 'set1-../1'"),
    ],
)
def test_another_layout_is_refused(suite, layout, sentence):
    with pytest.raises(UsageError, match=sentence):
        read_suite(suite(layout, name="verse.json"))


@pytest.mark.parametrize(
    ("name", "sentence"), [("x.yaml", "no suite that can"), ("x.json", "cannot be read"), ("x.jsonl", "is missing")]
)
def test_no_such_file(tmp_path, name, sentence):
    with pytest.raises(UsageError, match=sentence):
        read_suite(tmp_path / name)


@pytest.mark.skipif(not VERSE_BENCH.is_file(), reason="the prompts of Verse-Bench are not beside this clone")
def test_the_published_prompts_are_600_in_three_sets_and_all_of_set3_is_spoken():
    items = read_suite(VERSE_BENCH)
    assert Counter(each.asked.set for each in items) == {"set1": 205, "set2": 295, "set3": 100}
    assert len({each.name for each in items}) == 600
    spoken = Counter((each.asked.set, each.asked.speech.language) for each in items if each.asked.speech)
    assert spoken["set3", "en"] + spoken["set3", "zh"] == 100 and min(spoken["set3", "en"], spoken["set3", "zh"]) > 40
    assert all(each.wanted.given == Given() for each in items)
