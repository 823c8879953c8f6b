"""Words get the speaker whose turns they overlap longest; known answers."""

import pytest

from mova_core.speech.transcript import Segment, Transcript, Word
from mova_core.speech.turns import Turn, turns_of, with_speakers


def with_words(*words):
    """A transcript with one segment of these (text, start, end)."""
    spoken = tuple(Word(text=text, start_s=start, end_s=end) for text, start, end in words)
    text = " ".join(word.text for word in spoken)
    return Transcript(segments=(Segment(text=text, start_s=spoken[0].start_s, end_s=spoken[-1].end_s, words=spoken),))


def test_a_segment_is_divided_where_the_speaker_changes():
    transcript = with_words(("Hello", 0, 0.5), ("there.", 0.5, 1), ("Hi", 1.2, 1.4), ("again.", 2, 2.5))
    turns = (Turn(0, 1.1, "A"), Turn(1.1, 1.5, "B"), Turn(1.9, 3, "A"))
    divided = with_speakers(transcript, turns)
    assert [(segment.speaker, segment.text, segment.interval_s) for segment in divided.segments] == [
        ("A", "Hello there.", (0, 1)),
        ("B", "Hi", (1.2, 1.4)),
        ("A", "again.", (2, 2.5)),
    ]
    assert divided.by_speaker == {"A": "Hello there. again.", "B": "Hi"}


@pytest.mark.parametrize(
    ("word_s", "turns", "speaker"),
    [
        ((1, 2), [Turn(0, 1.4, "A"), Turn(1.4, 3, "B")], "B"),
        ((1, 2), [Turn(0.9, 1.3, "A"), Turn(1.3, 1.7, "B"), Turn(1.7, 2, "A")], "A"),  # in two pieces
        ((1, 2), [Turn(0, 1.5, "B"), Turn(1.5, 3, "A")], "B"),  # as long: who speaks first
        ((1, 2), [Turn(0, 0.2, "A"), Turn(2.5, 3, "B")], "B"),  # none: the nearest
        ((1, 2), [Turn(0.5, 0.9, "A"), Turn(5, 9, "B")], "A"),
        ((1, 1), [Turn(0, 0.4, "A"), Turn(0.5, 2, "B")], "B"),  # a word without length
    ],
)
def test_whose_a_word_is(word_s, turns, speaker):
    for order in (turns, turns[::-1]):
        (segment,) = with_speakers(with_words(("word", *word_s)), order).segments
        assert segment.speaker == speaker


def test_a_segment_without_words_is_of_one_speaker():
    transcript = Transcript(segments=(Segment(text="Hello, hi.", start_s=0, end_s=3),), language="en")
    assert with_speakers(transcript, [Turn(0, 1, "A"), Turn(1, 3, "B")]) == Transcript(
        segments=(Segment(text="Hello, hi.", start_s=0, end_s=3, speaker="B"),), language="en"
    )


def test_what_is_not_known_stays():
    untimed = Transcript(segments=(Segment(text="Hello", speaker="A"), Segment(text="Hi")))
    assert with_speakers(untimed, [Turn(0, 1, "B"), Turn(1, 2, "C")]) == untimed
    assert with_speakers(untimed, [Turn(0, 1, "B"), Turn(1, 2, "B")]).by_speaker == {"B": "Hello Hi"}
    timed = with_words(("Hello", 0, 1))
    assert with_speakers(timed, []) == timed


def test_words_of_scripts_without_spaces_are_joined_without():
    transcript = with_words(("你", 0, 0.2), ("好，", 0.2, 0.4), ("Bob", 0.4, 0.6), ("Smith", 0.6, 0.8), ("Hi", 2, 3))
    divided = with_speakers(transcript, [Turn(0, 1, "A"), Turn(2, 3, "B")])
    assert [segment.text for segment in divided.segments] == ["你好，Bob Smith", "Hi"]


def test_a_transcript_with_times_and_speakers_is_turns():
    segments = (Segment(text="a", speaker="A", start_s=0, end_s=1), Segment(text="b", speaker="B", start_s=1, end_s=2))
    assert turns_of(Transcript(segments=segments)) == (Turn(0, 1, "A"), Turn(1, 2, "B"))
    assert turns_of(Transcript(segments=(*segments, Segment(text="c", speaker="A")))) is None
