"""What training adds to a caption, and what a request's prompt must be."""

import pytest

from mova_core.errors import UsageError
from mova_core.geometry import GEOMETRIES
from mova_core.model.text.prompt import check_prompt, clean_prompt, with_duration, without_subtitles


@pytest.mark.parametrize(("geometry", "said"), [("nano-32", "2.06"), ("mova-360p", "8.04"), ("mova-720p", "8.04")])
def test_the_duration_is_said_in_one_form(geometry, said):
    prompt = with_duration("Rain on a roof.", GEOMETRIES[geometry].duration_s)
    assert prompt == f"Duration: {said} s. Rain on a roof."
    assert clean_prompt(prompt) == prompt


def test_the_sentence_about_subtitles_is_that_of_the_report():
    assert without_subtitles("A talk.") == "A talk. This video has no subtitles."


def test_empty_and_long_prompts_are_refused():
    with pytest.raises(UsageError, match="the prompt is empty"):
        check_prompt("  ", 1, 128)
    with pytest.raises(UsageError, match="has 129 tokens, the text encoder reads at most 128"):
        check_prompt("word", 129, 128)
