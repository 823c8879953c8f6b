"""How well on-screen text is spelled: what was wanted against what a reader finds in the frames.

Letters and digits alone are compared, in small letters, as `on_screen_text` does. A wanted text may run over several
lines; it counts as spelled as in the frame where it is read best. A reader's own mistakes count against the video.
Source: T2I and T2V work reports OCR accuracy by normalised edit distance, such as AnyText (arXiv:2311.03054,
section 5.1); edits are counted by meeteval.
"""

from collections.abc import Sequence

from mova_core.measures.clip import Unavailable
from mova_core.measures.on_screen_text import Line, letters_of

MOST_LINES = 4  # that one wanted text may run over


def text_accuracy(read: Sequence[Sequence[Line]], wanted: Sequence[str]) -> float | Unavailable:
    """Mean over the wanted texts of the similarity of the lines that match each best, 0..1.

    Args:
        read: lines of each frame looked at, in reading order.
        wanted: texts that the video should show.
    """
    texts = [letters for text in wanted if (letters := letters_of(text))]
    if not texts:
        return Unavailable("no on-screen text is asked for")
    passages = {passage for lines in read for passage in _passages(lines)}
    return sum(max((similarity(text, passage) for passage in passages), default=0.0) for text in texts) / len(texts)


def similarity(wanted: str, read: str) -> float:
    """1 less the edit distance over the length of the longer text, 0..1; 1 for two empty ones."""
    if not wanted or not read:
        return float(wanted == read)
    from meeteval.wer.wer.siso import siso_character_error_rate

    return 1 - float(siso_character_error_rate(wanted, read).errors) / max(len(wanted), len(read))


def _passages(lines: Sequence[Line]) -> list[str]:
    """Letters of each line, and of each few lines that follow one another."""
    letters = [line.letters for line in lines]
    return [
        "".join(letters[first : first + count])
        for count in range(1, MOST_LINES + 1)
        for first in range(len(letters) - count + 1)
    ]
