"""A prompt about nothing that a model was trained on is told, with what it knows; any other is not."""

import pytest

from mova_core.curation.caption.templates import SYNTHETIC_CLASSES, synthetic_caption
from mova_core.model.text.known_phrases import MOST, known_phrases, unknown_prompts_warning

CAPTIONS = [synthetic_caption([name], None).merged for name in SYNTHETIC_CLASSES]
CAPTIONS += [synthetic_caption(["red-ball", "green-box"], 0.5).merged]


def test_phrases_are_those_that_tell_captions_apart_then_what_all_share():
    phrases = known_phrases(CAPTIONS)
    assert phrases[:4] == ["bell note", "green box", "red ball", "wooden knock"]  # twice each, by name
    assert {"blue diamond", "drum beat", "yellow ring", "synth note"} < set(phrases)
    assert phrases[-4:] == ["bounce", "bounces", "dark", "floor"]
    assert known_phrases(reversed(CAPTIONS)) == phrases, "whatever the order"


@pytest.mark.parametrize(
    ("prompt", "warns"),
    [
        ("A cat plays the piano", True),
        ("Eine Katze", True),
        ("1 2 3", True),
        ("一只猫", True),
        ("A RED balloon", False),
        ("the ball.", False),
        *((caption, False) for caption in CAPTIONS),
    ],
)
def test_only_a_prompt_without_any_known_word_is_warned_of(prompt, warns):
    warning = unknown_prompts_warning([prompt], known_phrases(CAPTIONS))
    assert (warning is not None) == warns
    if warning:
        assert warning.startswith("this model was trained on clips of: bell note, green box, red ball, wooden knock, ")
        assert warning.endswith(f"the prompt {prompt!r} names none of them")


def test_several_prompts_are_one_warning():
    warning = unknown_prompts_warning(["a cat", "a red box", "a dog"], known_phrases(CAPTIONS))
    assert warning and warning.endswith("2 of 3 prompts, such as 'a cat', name none of them")


def test_without_captions_nothing_is_warned_of():
    assert known_phrases([]) == [] and unknown_prompts_warning(["a cat"], []) is None


def test_one_caption_is_known_whole_and_of_very_many_not_all_is_kept():
    assert known_phrases(["A cat sleeps on a mat."] * 3) == ["cat sleeps", "mat"]
    letters = [chr(0x4E00 + number) for number in range(3000)]
    assert len(known_phrases(f"film {letter}" for letter in letters)) == MOST
