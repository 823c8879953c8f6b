"""What is written in the frames that are sent, as OCR reads it: a reader that no text can talk to.

A vision-language model that obeys a text in a frame need not list it. What it copies of that text into its description
is found all the same.
"""

import numpy as np
from numpy.typing import NDArray


def frame_text(frames: NDArray[np.uint8]) -> str:
    """The lines of frames, uint8 [F, H, W, 3] RGB, one after the other; those that stay are listed once."""
    from mova_core.measures.on_screen_text import read_lines

    return " ".join(dict.fromkeys(line.text for frame in frames for line in read_lines(frame)))
