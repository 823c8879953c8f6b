"""What a caption that a template or a model wrote may say: prose without times, quoting only what is said or written.

A caption that told when something happens would teach synchrony by text, which is to be learnt from video and audio. A
text on the screen, or a speaker, may ask a model for something; a model that obeys writes what was asked for, so what
is copied from them must stand in quotation marks, and what no description holds (addresses, markup) is refused.
Captions are in English.
"""

import re
from collections.abc import Iterable, Sequence

from mova_core.prompting.quotations import MARKS, first_of, outside_quotations, quotations
from mova_core.speech.text_normalization import words

LONGEST_COPY = 4  # words in a row of what is said or written that may stand outside quotation marks: a name, a phrase

_NUMBER = r"(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty)"
_ORDINAL = r"(?:\d+(?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|next|last|final)"
_DECADE = re.compile(
    r"\b(?:\d{4}s|(?:the|in|her|his|their|early|mid|late)[\s-]+['’]?\d0s|(?<=['’])\d0s)\b", re.IGNORECASE
)
_TIME = re.compile(
    r"\b(?:"
    r"\d{1,2}:[0-5]\d(?:[:.,]\d+)*"  # 0:03
    r"|\d+(?:[.,]\d+)?[\s-]*(?:ms|msecs?|milliseconds?|s|secs?|seconds?|mins?|minutes?|frames?)"  # 3 s
    rf"|(?:{_NUMBER}|one|half[\s-]an?|split|per)[\s-]+(?:second|minute)s?"  # three-second
    r"|an?[\s-]+(?:second|minute)[\s-]+(?:later|after|before|into|passes|long|of)"  # a second later
    rf"|{_ORDINAL}[\s-]+(?:second|minute|frame)s?"  # the first frame
    rf"|(?:seconds?|minutes?|frames?|t\s*=)\s*(?:no\.?|number|#)?\s*(?:\d+|{_NUMBER})"  # frame 12
    r"|(?:milli|micro)?seconds|minutes"
    r"|time[\s-]?(?:stamps?|codes?)"
    r")\b",
    re.IGNORECASE,
)
_NO_PROSE = re.compile(
    r"://|\bwww\.|\b[\w-]+\.(?:com|net|org|info|biz|io|tv|ru|cn|example)\b|[<>{}\[\]|\\`*@]", re.IGNORECASE
)
_SINGLE_QUOTED = re.compile(r"(?<![\w'’])['‘](?=\S)([^'‘’]+)(?<=\S)['’](?!\w)")


def time_fault(text: str) -> str | None:
    """What of a text tells when something happens, or None. A time that is quoted is somebody's words."""
    told = _TIME.search(_DECADE.sub(" ", outside_quotations(text)))
    return None if told is None else f"it tells a time, {told.group()!r}"


def quotation_fault(text: str, quotable: Iterable[str]) -> str | None:
    """What a text quotes although nobody says or writes it; None where all is said or written.

    Args:
        text: a caption.
        quotable: what is said, and what is written on the screen; compared word by word, without case and punctuation.
    """
    known = [_spaced(source) for source in quotable]
    narrative = outside_quotations(text)
    single = [quoted for quoted in _SINGLE_QUOTED.findall(narrative) if len(words(quoted)) > 1]
    for quoted in (*quotations(text), *single):
        if words(quoted) and not any(_spaced(quoted) in source for source in known):
            return f"it quotes {first_of([quoted])}, which is neither said nor written on the screen"
    if mark := next((mark for mark in MARKS if mark in narrative), None):
        return f"it has the quotation mark {mark} without its other half"
    return None


def prose_fault(text: str, quotable: Iterable[str]) -> str | None:
    """What of a text is no description: an address, markup, or words of others without quotation marks.

    Args:
        text: a caption.
        quotable: what is said or written; compared without spaces, which programs that read text leave out.
    """
    narrative = outside_quotations(text)
    if found := _NO_PROSE.search(narrative):
        return f"it holds {found.group()!r}, expected prose"
    told, sources = words(narrative), ["".join(words(source)) for source in quotable]
    for start in range(len(told) - LONGEST_COPY):
        run = told[start : start + LONGEST_COPY + 1]
        if any("".join(run) in source for source in sources):
            return f"it takes {first_of([' '.join(run)])} from what is said or written without quoting it"
    return None


def caption_fault(text: str, quotable: Sequence[str], read: Sequence[str] = ()) -> str | None:
    """The first of the faults above, or None.

    Args:
        text: a caption.
        quotable: what is said, and what is written on the screen.
        read: what is written there as another reader has it: not to be quoted, but not to be copied either.
    """
    return time_fault(text) or quotation_fault(text, quotable) or prose_fault(text, [*quotable, *read])


def _spaced(text: str) -> str:
    """Its words, each between spaces: so one text holds another only in whole words."""
    return f" {' '.join(words(text))} "
