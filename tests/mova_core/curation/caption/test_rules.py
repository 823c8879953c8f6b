"""A caption tells no time, quotes only what is said or written, and is prose: known answers and properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mova_core.curation.caption.rules import (
    LONGEST_COPY,
    caption_fault,
    prose_fault,
    quotation_fault,
    time_fault,
)
from mova_core.prompting.quotations import PAIRS

FREE = tuple(["a", "red", "ball", "bounces", "on", "dark", "floor", "while", "man", "walks", "past", "it"])
WORDS = st.sampled_from((*FREE, "second", "frame", "minute", "2", "33"))
PLAIN = st.lists(st.sampled_from(FREE), min_size=1)
NUMBERS = st.one_of(
    st.integers(0, 999).map(str),
    st.floats(0, 99, allow_nan=False).map(lambda number: f"{number:.1f}"),
    st.sampled_from(["two", "ten", "thirty"]),
)
UNITS = st.sampled_from(["second", "seconds", "minute", "minutes"])
SHORT_UNITS = st.sampled_from(["s", "ms", "sec", "frames", "milliseconds"])


@pytest.mark.parametrize(
    "text",
    [
        "A red ball bounces after 0.8 seconds.",
        "A red ball,\nthen at 300ms a bounce.",
        "It bounces in frame 3 of 33 frames.",
        "At 0:03 a man waves.",
        "At 00:01:02.5 a man waves.",
        "A man waves at second three.",
        "A man waves for one second.",
        "A second later he waves.",
        "A three-second pause.",
        "He waves after a few seconds.",
        "The first frame shows a man.",
        "In the second minute he waves.",
        "A split second.",
        "Timestamp of the scene.",
        'He says "Hi" at 3 s.',
    ],
)
def test_a_time_is_found(text):
    assert time_fault(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "2 shots, 3 people, the 1980s.",
        "A woman in her 30s in a '90s car.",
        "A second man enters.",
        "A minute figure in a wooden frame.",
        "A wide 16:9 screen.",
        "First a man waves, then a dog barks, and at last both run.",
        'He says "We close in 5 minutes."',
        "A clock reads “10:30”.",
    ],
)
def test_what_is_no_time_is_let_be(text):
    assert time_fault(text) is None


@given(PLAIN, NUMBERS, UNITS, PLAIN)
def test_every_number_with_a_unit_of_time_is_a_time(before, number, unit, after):
    assert time_fault(" ".join([*before, number, unit, *after])) is not None


@given(PLAIN, st.integers(0, 999), SHORT_UNITS, st.sampled_from(["", " ", "-"]))
def test_so_is_a_figure_with_a_short_unit(before, number, unit, between):
    assert time_fault(f"{' '.join(before)} for {number}{between}{unit}.") is not None or (
        unit == "s" and not between and number % 10 == 0
    )


@given(PLAIN)
def test_plain_words_are_none(told):
    assert caption_fault(" ".join(told), []) is None


@given(st.lists(WORDS, min_size=1), st.sampled_from(PAIRS))
def test_what_is_quoted_may_tell_times(said, marks):
    assert time_fault(f"A man says: {marks[0]}{' '.join(said)} in 5 seconds{marks[1]}") is None


@given(st.lists(WORDS, min_size=1), st.data(), st.sampled_from(PAIRS))
def test_any_part_of_what_is_said_may_be_quoted_in_any_case_and_marks(said, data, marks):
    first = data.draw(st.integers(0, len(said) - 1))
    last = data.draw(st.integers(first + 1, len(said)))
    quoted = " ".join(said[first:last]).upper() + "!"
    assert quotation_fault(f"He says: {marks[0]}{quoted}{marks[1]}", [", ".join(said)]) is None


@given(st.lists(WORDS, min_size=1), WORDS, st.sampled_from(PAIRS))
def test_what_nobody_says_may_not(said, more, marks):
    for quoted in (" ".join([*said, more, "kite"]), f"kite {' '.join(said)}"):
        assert quotation_fault(f"He says: {marks[0]}{quoted}{marks[1]}", [" ".join(said), "kite"]) is not None


@pytest.mark.parametrize(
    ("text", "quotable"),
    [
        ('He says: "Hello."', []),
        ('He says: "he"', ["the hen"]),
        ('He says: "one two"', ["one", "two"]),
        ("He says 'go away now'.", ["stay"]),
        ("He says ‘go away’.", []),
        ('He says "hello and leaves.', ["hello and leaves"]),
        ("He says hello” and leaves.", []),
        ("看板写着「出口」。", ["入口"]),
    ],
)
def test_quotations_that_are_refused(text, quotable):
    assert quotation_fault(text, quotable) is not None


@pytest.mark.parametrize(
    ("text", "quotable"),
    [
        ("The dogs' bowls, rock 'n' roll, it's the man's.", []),
        ("He says 'go away now'.", ["Go away, now!"]),
        ('A sign reads "Joe\'s "Best" Pizza".', ['Joe\'s "Best" Pizza']),
        ("A sign reads 「出口」.", ["非常出口"]),
        ('She shouts: "!!!"', []),
    ],
)
def test_quotations_that_are_let_be(text, quotable):
    assert quotation_fault(text, quotable) is None


@given(st.lists(WORDS, min_size=LONGEST_COPY + 1, max_size=12), st.data())
def test_more_words_than_a_name_are_quoted_or_refused(line, data):
    first = data.draw(st.integers(0, len(line) - LONGEST_COPY - 1))
    copied = " ".join(line[first : first + LONGEST_COPY + 1])
    source = [" ".join(line)]
    assert prose_fault(f"A wall, {copied.title()}.", source) is not None
    assert prose_fault(f'A wall reads "{copied}".', source) is None


def test_a_copy_is_found_where_a_reader_leaves_out_spaces():
    assert prose_fault("A cat sits in a garden.", ["WRITETHATACAT SITSINAGARDEN"]) is not None


def test_what_another_reader_has_may_not_be_copied_and_not_be_quoted():
    line = "a cat sits in a garden"
    assert caption_fault(line, [], [line]) is not None
    assert "neither said nor written" in caption_fault(f'A poster reads "{line}".', [], [line])


@pytest.mark.parametrize(
    "text",
    [
        "See http://evil.example/x for more.",
        "See www.evil.org.",
        "Visit evil.com now.",
        "Write to me@evil.",
        "<|im_start|>system",
        '{"visual": 1}',
        "**A man** waves.",
        "```A man```",
    ],
)
def test_what_is_no_prose_is_refused(text):
    assert prose_fault(text, []) is not None


def test_an_address_may_be_quoted_where_it_is_written():
    assert caption_fault('A shop sign reads "www.shop.com".', ["www.shop.com"]) is None
