"""Accuracy of on-screen text: what the suite says the video should show, against what a reader finds in it.

Only texts that the suite names count: what a prompt quotes may be spoken as well.
"""

from mova_core.evaluation.metrics.usable import Measured, frames_missing
from mova_core.measures.clip import Clip, Unavailable


def text_accuracy(clip: Clip) -> Measured:
    """Mean similarity of each wanted text to the lines that match it best, 0..1."""
    if not clip.asked.on_screen_text:
        return Unavailable("no on-screen text is asked for")  # known before anything is read
    if missing := frames_missing(clip, 1):
        return missing
    from mova_core.measures.on_screen_text import read_clip_lines
    from mova_core.measures.text_accuracy import text_accuracy as of_lines

    return of_lines(read_clip_lines(clip.frames, clip.fps), clip.asked.on_screen_text)
