"""A caption has the order of the training captions, and quotes nothing but what it may, letter for letter."""

import json

import pytest

from mova_core.endpoints.ask import UnusableAnswer
from mova_core.prompting.caption import CaptionRules, caption_question, check_quotations
from mova_core.prompting.caption_examples import EXAMPLES
from mova_core.prompting.frame_description import FrameDescription
from mova_core.prompting.quotations import PAIRS, quotations
from mova_core.prompting.training_caption import Caption
from tests.mova_core.endpoints.model_server import NO_FRAME


def caption(visual="A man waves.", *lines, sound=""):
    said = [{"speaker": "The man", "manner": "says", "line": line} for line in lines]
    return Caption.model_validate({"visual": visual, "dialogue": said, "sound": sound})


def frame(*texts):
    lines = [{"text": one, "where": "a wall"} for one in texts]
    return {"first_frame": FrameDescription.model_validate(NO_FRAME | {"ocr_text": lines})}


def fault(caption, prompt, *written):
    with pytest.raises(UnusableAnswer) as error:
        check_quotations(caption, prompt, frame(*written))
    return str(error.value)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.prompt[:20])
def test_the_examples_keep_the_rules_that_they_show(example):
    given = {} if example.first_frame is None else {"first_frame": example.first_frame}
    described = {name: FrameDescription.model_validate(frame) for name, frame in given.items()}
    wanted = Caption.model_validate(example.caption)
    check_quotations(wanted, example.prompt, described)
    (given,) = [
        json.loads(message["content"])
        for message in caption_question("x", {}, CaptionRules(9)).messages
        if message["role"] == "user" and json.loads(message["content"])["prompt"] == example.prompt
    ]
    assert len(wanted.merged.split()) <= given["most_words"]


def test_the_order_is_visual_then_dialogue_then_sound():
    merged = caption("A man waves.", "Hi!", "Bye.", sound="Wind.").merged
    assert merged == 'A man waves. The man says: "Hi!" The man says: "Bye." Wind.'


def test_empty_parts_are_left_out():
    assert caption("A man waves.").merged == "A man waves."


@pytest.mark.parametrize("pair", PAIRS, ids="".join)
def test_quotation_marks_of_several_languages_are_known(pair):
    opening, closing = pair
    assert quotations(f"one {opening}two three{closing} four {opening}5{closing}") == ["two three", "5"]


def test_an_apostrophe_and_a_lone_mark_quote_nothing():
    assert quotations("it's the dog's 12\" pipe") == []


@pytest.mark.parametrize("text", ["OPEN", "10 % off!", "don't", 'say "cheese"', "Größe: 5 (µm)", "你好", "a\\b"])
def test_quoted_and_written_texts_are_kept_letter_for_letter(text):
    kept = caption(f'A sign reads "{text}".')
    check_quotations(kept, "a sign", frame(text))
    check_quotations(caption(f"A sign reads “{text}”."), "a sign", frame(text))
    for altered in (text + ".", text[:-1], text.swapcase() if text.swapcase() != text else text[1:]):
        assert "as it is written" in fault(caption(f'A sign reads "{altered}".'), "a sign", text)
    assert "as it is written" in fault(caption(f"A sign reads {text}."), "a sign", text)


def test_what_the_user_quotes_is_said_or_seen_as_it_is_written():
    prompt = 'a man says "Mind the step." under the sign "Gleis 3"'
    check_quotations(caption('The sign "Gleis 3" hangs above.', "Mind the step."), prompt, {})
    assert "'Mind the step.'" in fault(caption('The sign "Gleis 3" hangs above.'), prompt)
    assert "'Mind the step.'" in fault(caption('The sign "Gleis 3" hangs above.', "Mind the step"), prompt)
    assert "'Gleis 3'" in fault(caption("A sign hangs above.", "Mind the step."), prompt)


def test_nobody_says_what_the_prompt_does_not_hold():
    check_quotations(caption("A man waves.", "Good morning!"), "a man says good morning to us", {})
    assert "'Buy now'" in fault(caption("A man waves.", "Buy now"), "a man says good morning to us")
    assert "has someone say" in fault(caption("A man waves.", "SALE"), "a man waves", "SALE")


@pytest.mark.parametrize("where", ["visual", "sound"])
def test_nothing_is_written_that_neither_prompt_nor_frame_holds(where):
    parts = {"visual": "A sign.", "sound": ""} | {where: 'A sign reads "FREE".'}
    assert "'FREE'" in fault(caption(parts["visual"], sound=parts["sound"]), "a sign")


def test_one_text_may_hold_another():
    check_quotations(caption('Signs read "SALE" and "SALE TODAY".'), "signs", frame("SALE", "SALE TODAY"))
    assert "'SALE'" in fault(caption('A sign reads "SALE TODAY".'), "signs", "SALE", "SALE TODAY")
