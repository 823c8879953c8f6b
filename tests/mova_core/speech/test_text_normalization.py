"""What counts as a character and as a word: known answers of each rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mova_core.speech.text_normalization import characters, normalized, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("  a\tb\n c ", ["a", "b", "c"]),
        ("Don't - DON’T", ["dont", "dont"]),
        ("well-known", ["well", "known"]),
        ("ＦＵＬＬ ﬁnal", ["full", "final"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("a\u0308 ä", ["ä", "ä"]),
        ("你好，世界！", ["你", "好", "世", "界"]),
        ("我爱NBA球星", ["我", "爱", "nba", "球", "星"]),
        ("こんにちは。", ["こ", "ん", "に", "ち", "は"]),
        ("안녕 하세요", ["안녕", "하세요"]),
        ("9 €5", ["9", "5"]),
        ("…—“”", []),
        ("", []),
    ],
)
def test_words(text, expected):
    assert words(text) == expected
    assert characters(text) == list("".join(expected))


def test_other_letters_are_other_characters():
    assert characters("ä") != characters("a")
    assert characters("国") != characters("國")


@given(st.text())
def test_normalizing_again_changes_nothing(text):
    assert normalized(normalized(text)) == normalized(text)
    assert "".join(words(text)) == "".join(characters(text))
