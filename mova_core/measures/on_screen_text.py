"""Text in the frame, and whether it is subtitles: PP-OCRv4 (package rapidocr-onnxruntime, the models inside it).

Read on a few frames spread over the clip. A subtitle is text in the lower third that stays in place while its words
change; lettering on things moves with them or never changes, a logo never changes, a title stands higher. A single
subtitle that stays for the whole clip is therefore taken for lettering, and a news ticker for subtitles.
Places are shares of the frame's height and width. The rule is this project's own; the MOVA report (arXiv:2602.08794)
filters by OCR without stating one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

FRAME_EVERY_S = 1.0
FEWEST_FRAMES, MOST_FRAMES = 4, 9
SMALLEST_SIDE_PX = 480  # smaller frames are enlarged to this before text is looked for
LOWER_THIRD = 2 / 3
SAME_HEIGHT = 1.5  # as a ratio
SAME_PLACE = 0.04  # of the width: lines that share their middle or their left edge to within this are in one place
SAME_WORDS = 0.6  # of difflib's ratio: below it the words have changed, above it they were read a little differently
FEWEST_LETTERS = 3  # of a Latin line; two of other scripts


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text as read, its box in shares of the frame."""

    text: str
    left: float
    right: float
    top: float
    bottom: float

    @property
    def letters(self) -> str:
        """What is compared."""
        return letters_of(self.text)

    @property
    def is_words(self) -> bool:
        """Enough letters to be more than a number or a misread edge."""
        found = [each for each in self.text if each.isalpha()]
        return len(found) >= (FEWEST_LETTERS if all(each.isascii() for each in found) else 2)


def letters_of(text: str) -> str:
    """Letters and digits alone, in small letters."""
    return "".join(filter(str.isalnum, text.casefold()))


def text_measures(frames: NDArray[np.uint8], fps: float) -> dict[str, float]:
    """`text_share` and `subtitle_share`: shares of the frames looked at that show text, and subtitles.

    Args:
        frames: RGB uint8 [F, H, W, 3], bars and all: subtitles like to stand in them.
        fps: frames per second.
    """
    read = read_clip_lines(frames, fps)
    return {
        "text_share": float(np.mean([any(line.is_words for line in lines) for lines in read])),
        "subtitle_share": float(np.mean(shows_subtitles(read))),
    }


def read_clip_lines(frames: NDArray[np.uint8], fps: float) -> list[list[Line]]:
    """Lines of each frame looked at: one in the middle of each of 4 to 9 equal parts of the clip, about one a second.

    Args:
        frames: RGB uint8 [F, H, W, 3].
        fps: frames per second.
    """
    return [read_lines(frames[index]) for index in _chosen(len(frames), fps)]


def shows_subtitles(read: Sequence[Sequence[Line]]) -> list[bool]:
    """Whether each frame shows a line of a place in the lower third whose words change from frame to frame.

    Args:
        read: lines of each frame looked at, in the order of the frames.
    """
    places: list[list[tuple[int, Line]]] = []
    for number, lines in enumerate(read):
        for line in lines:
            if not line.is_words or (line.top + line.bottom) / 2 < LOWER_THIRD:
                continue
            place = next((each for each in places if _same_place(each[0][1], line)), None)
            if place is None:
                places.append([(number, line)])
            else:
                place.append((number, line))
    subtitled = {number for place in places if _words_change([line for _, line in place]) for number, _ in place}
    return [number in subtitled for number in range(len(read))]


def read_lines(frame: NDArray[np.uint8]) -> list[Line]:
    """Lines of text in one RGB frame [H, W, 3], as the reader finds them."""
    height, width = frame.shape[:2]
    found, _ = _reader()(np.ascontiguousarray(frame[..., ::-1]), use_cls=False)  # it was trained on BGR
    lines = []
    for box, text, _ in found or []:
        across, down = np.asarray(box, np.float64).T
        lines.append(Line(text, across.min() / width, across.max() / width, down.min() / height, down.max() / height))
    return lines


def _chosen(frames: int, fps: float) -> list[int]:
    """Frames in the middles of equal parts of the clip."""
    wanted = min(frames, max(FEWEST_FRAMES, min(MOST_FRAMES, round(frames / fps / FRAME_EVERY_S))))
    return [int((part + 0.5) * frames / wanted) for part in range(wanted)]


def _same_place(first: Line, second: Line) -> bool:
    heights = first.bottom - first.top, second.bottom - second.top
    apart = abs((first.top + first.bottom) - (second.top + second.bottom)) / 2
    aligned = min(abs(first.left - second.left), abs((first.left + first.right) - (second.left + second.right)) / 2)
    return apart < min(heights) / 2 and max(heights) < SAME_HEIGHT * min(heights) and aligned < SAME_PLACE


def _words_change(lines: Sequence[Line]) -> bool:
    first = lines[0].letters
    return any(SequenceMatcher(None, first, line.letters, autojunk=False).ratio() < SAME_WORDS for line in lines[1:])


@cache
def _reader() -> Any:
    """The packaged reader, one thread, once a process."""
    from rapidocr_onnxruntime import RapidOCR

    return RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1, det_limit_side_len=SMALLEST_SIDE_PX)
