"""Accuracy of on-screen text, of lines as they may be read and of text that is drawn."""

import cv2
import numpy as np
import pytest

from mova_core.measures.clip import Unavailable
from mova_core.measures.on_screen_text import Line, read_clip_lines
from mova_core.measures.text_accuracy import similarity, text_accuracy


def lines(*texts: str) -> list[Line]:
    return [Line(text, 0.1, 0.9, 0.1 * number, 0.1 * number + 0.08) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("wanted", "read", "expected"),
    [
        ("open", "open", 1.0),
        ("open", "opem", 0.75),
        ("open", "opened", 4 / 6),
        ("open", "", 0.0),
        ("生日快乐", "生日块乐", 0.75),
    ],
)
def test_similarity_is_one_less_the_share_of_edits(wanted, read, expected):
    assert similarity(wanted, read) == pytest.approx(expected)
    assert similarity(read, wanted) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("read", "wanted", "expected"),
    [
        ([lines("GRAND OPENING")], ["Grand opening!"], 1.0),
        ([lines("GRAND", "OPENING", "today")], ["grand opening"], 1.0),  # over two lines
        ([lines("GRXND"), lines("GRAND")], ["grand"], 1.0),  # as in the frame where it is read best
        ([lines("left", "right")], ["left", "up"], (1 + 0) / 2),
        ([[], []], ["left"], 0.0),
    ],
)
def test_each_wanted_text_counts_as_where_it_is_read_best(read, wanted, expected):
    assert text_accuracy(read, wanted) == pytest.approx(expected)


@pytest.mark.parametrize("wanted", [[], ["…"]])
def test_without_a_wanted_text_there_is_no_accuracy(wanted):
    assert text_accuracy([lines("left")], wanted) == Unavailable("no on-screen text is asked for")


def test_drawn_text_is_read_and_another_text_is_not_taken_for_it():
    frames = np.full((8, 240, 480, 3), 60, np.uint8)
    for frame in frames:
        cv2.putText(frame, "HARBOUR LIGHT", (60, 120), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (250, 250, 250), 3, cv2.LINE_AA)
    read = read_clip_lines(frames, 8.0)
    right, wrong = text_accuracy(read, ["Harbour light"]), text_accuracy(read, ["Bicycle pump"])
    assert right > 0.9 and wrong < 0.4
