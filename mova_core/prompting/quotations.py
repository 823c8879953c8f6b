"""Texts between quotation marks, and whether a rewritten caption keeps them letter for letter."""

import re
from collections.abc import Iterable, Sequence

PAIRS = (('"', '"'), ("“", "”"), ("„", "“"), ("„", "”"), ("«", "»"), ("「", "」"), ("『", "』"))
_OPENING, _CLOSING = ("".join(sorted({pair[side] for pair in PAIRS})) for side in (0, 1))
MARKS = "".join(sorted({*_OPENING, *_CLOSING}))
_QUOTED = re.compile("|".join(f"{first}([^{first}{last}]+){last}" for first, last in PAIRS))


def quotations(text: str) -> list[str]:
    """What stands between quotation marks, in order. Single ones are no quotation marks here: most are apostrophes."""
    return [next(group for group in match.groups() if group) for match in _QUOTED.finditer(text)]


def outside_quotations(text: str) -> str:
    """A text without what stands between quotation marks, and without those marks."""
    return _QUOTED.sub(" ", text)


def without_quotations(text: str, expected: Iterable[str]) -> tuple[str, list[str]]:
    """Take expected quotations out of a text.

    Args:
        text: with quotations.
        expected: what should stand in quotation marks, letter for letter.

    Returns:
        The text without them, and those that it does not quote.
    """
    missing = []
    for quoted in sorted(set(expected), key=len, reverse=True):  # a text may hold a shorter one
        text, found = re.subn(f"[{_OPENING}]{re.escape(quoted)}[{_CLOSING}]", "", text)
        if not found:
            missing.append(quoted)
    return text, missing


def first_of(texts: Sequence[str], shown: int = 60) -> str:
    """The first of some texts as a message shows it."""
    return repr(texts[0] if len(texts[0]) <= shown else f"{texts[0][:shown]}…")
