"""CER, WER and cpCER: known answers, and the minimum over speakers against all permutations."""

from itertools import permutations

import numpy as np
import pytest

from mova_core.speech.error_rates import EditCounts, character_errors, speaker_character_errors, word_errors
from mova_core.speech.transcript import Segment, Transcript


def said(*lines):
    """A transcript in which each (speaker, text) is a segment."""
    return Transcript(segments=tuple(Segment(speaker=speaker, text=text) for speaker, text in lines))


def edit_distance(one, other):
    """Levenshtein by its definition, row by row."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        above, row[0] = row[0], i
        for j, right in enumerate(other, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (left != right))
    return row[-1]


def test_the_same_is_no_error():
    reference = said(("A", "Hello there."), ("B", "你好"))
    for errors in (character_errors, word_errors, speaker_character_errors):
        assert errors(reference, reference).rate == 0.0
    assert character_errors(reference, said(("X", "hello THERE 你好!"))).rate == 0.0


def test_known_edits():
    reference, hypothesis = said(("A", "the cat sat")), said(("A", "a cat sat down"))
    assert word_errors(reference, hypothesis) == EditCounts(1, 0, 1, 3)
    assert character_errors(said(("A", "abcd")), said(("A", "abxd"))).rate == 0.25
    assert character_errors(said(("A", "今天天气好")), said(("A", "今天气好"))) == EditCounts(0, 1, 0, 5)
    assert word_errors(said(("A", "今天天气好")), said(("A", "今天气好"))).rate == 0.2


def test_nothing_said_is_wrong_throughout_and_nothing_to_say_has_no_rate():
    spoken, silent = said(("A", "hello")), said()
    for errors in (character_errors, word_errors, speaker_character_errors):
        assert errors(spoken, silent).rate == errors(spoken, said(("A", "…"))).rate == 1.0
        assert errors(silent, spoken).rate is None
        assert errors(silent, silent).rate is None
    assert speaker_character_errors(silent, spoken) == EditCounts(0, 0, 5, 0)


def test_names_of_speakers_do_not_matter_and_who_says_it_does():
    reference = said(("A", "one two"), ("B", "six"), ("A", "three"))
    assert speaker_character_errors(reference, said(("y", "six"), ("x", "one two three"))).rate == 0.0
    swapped = said(("x", "one two"), ("x", "six"), ("y", "three"))
    assert character_errors(reference, swapped).rate == 0.0
    assert speaker_character_errors(reference, swapped).errors == 5 + 5  # six for three, three for six


def test_speakers_too_many_and_too_few():
    two, one = said(("A", "abc"), ("B", "de")), said(("x", "abc"))
    assert speaker_character_errors(two, one) == EditCounts(0, 2, 0, 5)
    assert speaker_character_errors(one, two) == EditCounts(0, 0, 2, 3)
    assert speaker_character_errors(said((None, "abc"), ("B", "de")), two).rate == 0.0
    with pytest.raises(ValueError, match="21 speakers"):
        speaker_character_errors(said(*((str(each), "a") for each in range(21))), one)


@pytest.mark.parametrize("seed", range(30))
def test_the_minimum_is_that_over_all_permutations(seed):
    draw = np.random.default_rng(seed)

    def transcript():
        speakers = draw.integers(1, 5)
        return [(str(speaker), "".join(draw.choice(list("abc"), draw.integers(1, 8)))) for speaker in range(speakers)]

    reference, hypothesis = transcript(), transcript()
    padded = [[text for _, text in each] + [""] * (4 - len(each)) for each in (reference, hypothesis)]
    fewest = min(
        sum(edit_distance(one, other) for one, other in zip(padded[0], order, strict=True))
        for order in permutations(padded[1])
    )
    found = speaker_character_errors(said(*reference), said(*hypothesis))
    assert found.errors == fewest
    assert found.reference_length == sum(len(text) for _, text in reference)


def test_counts_add_up_over_clips():
    clips = [(said(("A", "abcd")), said(("A", "abxd"))), (said(("A", "ab")), said())]
    total = sum((character_errors(*clip) for clip in clips), EditCounts())
    assert total == EditCounts(1, 2, 0, 6) and total.rate == 0.5


@pytest.mark.parametrize("seed", range(5))
def test_rates_are_those_of_torchmetrics_where_it_defines_the_same(seed):
    text = pytest.importorskip("torchmetrics.functional.text")
    draw = np.random.default_rng(seed)
    references, hypotheses = (
        [" ".join(draw.choice(["one", "two", "six"], draw.integers(1, 9))) for _ in range(4)] for _ in range(2)
    )

    def rate(errors):
        clips = [(said(("A", one)), said(("A", other))) for one, other in zip(references, hypotheses, strict=True)]
        return sum((errors(*clip) for clip in clips), EditCounts()).rate

    assert rate(word_errors) == pytest.approx(float(text.word_error_rate(hypotheses, references)))
    unspaced = ([line.replace(" ", "") for line in each] for each in (hypotheses, references))  # it counts spaces
    assert rate(character_errors) == pytest.approx(float(text.char_error_rate(*unspaced)))
