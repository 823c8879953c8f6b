"""What counts as a character and as a word when transcripts are compared.

1. Unicode NFKC: full-width letters and ligatures become plain ones. Case is folded.
2. Apostrophes are left out (don't = dont); all other punctuation, symbols and control characters become a space.
   Marks stay with their letter: ä is not a.
3. Characters are what is left but for white space, which speech has not. Words stand between white space; of scripts
   that are written without it (Chinese characters and Japanese kana) each character is a word.

Left as they are: numbers (9 is not nine), simplified and traditional Chinese, spelling of one language (colour).
Sources: Unicode Standard Annex 15; the third rule is what evaluations of Chinese and mixed speech count (characters of
Chinese, words of what has spaces), as in the AISHELL and ASRU 2019 code-switching challenges.
"""

import unicodedata

APOSTROPHES = "'’‘ʼ`´"
NO_SPACES = (
    (0x3000, 0x30FF),  # punctuation of these scripts, hiragana, katakana
    (0x3400, 0x4DBF),  # CJK unified ideographs, extension A
    (0x4E00, 0x9FFF),  # CJK unified ideographs
    (0xF900, 0xFAFF),  # CJK compatibility ideographs
    (0xFF01, 0xFF0F),  # full-width punctuation
    (0x20000, 0x323AF),  # CJK unified ideographs, extensions B to H
)


def normalized(text: str) -> str:
    """A text by rules 1 and 2, its words one space apart."""
    without = "".join(one for one in text if one not in APOSTROPHES)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", without).casefold())
    return " ".join("".join(one if _is_kept(one) else " " for one in folded).split())


def characters(text: str) -> list[str]:
    """Its characters by rule 3."""
    return list(normalized(text).replace(" ", ""))


def words(text: str) -> list[str]:
    """Its words by rule 3."""
    return "".join(f" {one} " if is_written_without_spaces(one) else one for one in normalized(text)).split()


def is_written_without_spaces(character: str) -> bool:
    """Whether it is of a script that has no spaces between words."""
    return any(first <= ord(character) <= last for first, last in NO_SPACES)


def _is_kept(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"  # letters, numbers, marks
