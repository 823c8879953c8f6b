"""Text is looked for only where the suite says that it should be there."""

import cv2
import numpy as np
import pytest

from mova_core.evaluation.metrics.on_screen_text import text_accuracy
from mova_core.measures.clip import Asked, Clip, Unavailable


def clip(drawn: str, asked: Asked) -> Clip:
    frames = np.full((4, 240, 480, 3), 60, np.uint8)
    for frame in frames:
        cv2.putText(frame, drawn, (60, 120), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (250, 250, 250), 3, cv2.LINE_AA)
    return Clip(frames, np.zeros(0, np.float32), 4.0, 16_000, asked=asked)


def test_text_that_the_suite_names_is_read():
    wanted = Asked(prompt="a sign", on_screen_text=("Harbour light",))
    assert text_accuracy(clip("HARBOUR LIGHT", wanted)) > 0.9
    assert text_accuracy(clip("HARBOR LIGHT", wanted)) == pytest.approx(11 / 12, abs=0.01)


def test_what_a_prompt_quotes_is_not_asked_for():
    quoting = Asked(prompt='a man says "Harbour light"')
    assert text_accuracy(clip("HARBOUR LIGHT", quoting)) == Unavailable("no on-screen text is asked for")
