"""The subtitle rule on lines as they may be read, and the packaged reader on drawn images."""

import cv2
import numpy as np
import pytest

from mova_core.measures.on_screen_text import Line, read_lines, shows_subtitles, text_measures

FPS, HEIGHT, WIDTH = 24.0, 352, 640
SENTENCES = ["Where have you been?", "Nobody told me a thing", "Then we must leave now", "Look at the harbour"]


def line(text: str, middle: float = 0.5, width: float = 0.4, top: float = 0.85, height: float = 0.06) -> Line:
    return Line(text, middle - width / 2, middle + width / 2, top, top + height)


def subtitles(widths: tuple[float, ...] = (0.4, 0.5, 0.3, 0.45)) -> list[list[Line]]:
    return [[line(text, width=width)] for text, width in zip(SENTENCES, widths, strict=True)]


@pytest.mark.parametrize(
    ("read", "shown"),
    [
        ([[], [], []], [False] * 3),
        (subtitles(), [True] * 4),
        ([[], *subtitles()[:2], []], [False, True, True, False]),
        ([[line(SENTENCES[0])]] * 4, [False] * 4),  # lettering: its words never change
        ([[line("Sasaki Akira")], [line("Sasaki Akrra")], [line("5asaki Akira")]], [False] * 3),  # read differently
        ([[line(text, top=0.1)] for text in SENTENCES], [False] * 4),  # titles
        ([[line(text, middle=0.2 + 0.15 * i)] for i, text in enumerate(SENTENCES)], [False] * 4),  # moves along
        ([[line("10:31")], [line("25:48")], [line("97:02")]], [False] * 3),  # a clock
        ([[line(each)] for each in ("你去哪里了", "没有人告诉我", "我们走吧")], [True] * 3),
        ([[line(SENTENCES[i], middle=0.1 + w / 2, width=w)] for i, w in enumerate((0.2, 0.5, 0.7))], [True] * 3),
        ([[line("BMW", middle=0.2, width=0.1), *each] for each in subtitles()], [True] * 4),
    ],
)
def test_subtitles_stay_in_place_while_their_words_change(read, shown):
    assert shows_subtitles(read) == shown


def drawn(texts: list[str | None], down: float) -> np.ndarray:
    """Four seconds of a moving background, a quarter with each text at this height, uint8 [F, H, W, 3]."""
    base = np.linspace(40, 120, WIDTH).astype(np.uint8)
    frames = np.stack([np.tile(np.roll(base, 3 * index), (HEIGHT, 1)) for index in range(96)])
    frames = np.ascontiguousarray(frames[..., None].repeat(3, axis=3))
    for index, frame in enumerate(frames):
        if text := texts[index * len(texts) // 96]:
            (wide, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.8, 2)
            at = ((WIDTH - wide) // 2, round(down * HEIGHT))
            cv2.putText(frame, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2, cv2.LINE_AA)
    return frames


@pytest.mark.parametrize(
    ("texts", "down", "measures"),
    [
        ([None] * 4, 0.9, (0.0, 0.0)),
        ([*SENTENCES[:3], None], 0.9, (0.75, 0.75)),
        ([SENTENCES[0]] * 4, 0.9, (1.0, 0.0)),
        (SENTENCES, 0.3, (1.0, 0.0)),
    ],
    ids=["none", "subtitles", "lettering", "titles"],
)
def test_drawn_text_is_read_and_judged(texts, down, measures):
    pytest.importorskip("rapidocr_onnxruntime", reason="the extra `metrics` is not installed")
    assert tuple(text_measures(drawn(texts, down), FPS).values()) == measures


def test_a_line_is_read_where_it_was_drawn():
    pytest.importorskip("rapidocr_onnxruntime", reason="the extra `metrics` is not installed")
    (found,) = read_lines(drawn([SENTENCES[0]], 0.9)[0])
    assert found.letters == "wherehaveyoubeen"
    assert (found.left + found.right) / 2 == pytest.approx(0.5, abs=0.02)
    assert 0.8 < found.top < found.bottom < 0.95
