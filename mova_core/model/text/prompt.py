"""Prompts before they are tokens: what training adds to a caption, and what a request's prompt must be.

Source of both sentences: MOVA report (arXiv:2602.08794) section 3: a duration token in the audio tower's own training,
and the sentence about subtitles in phase 2. The wording of the duration token is this project's own.
"""

import html
import re

import ftfy

from mova_core.errors import UsageError

CONTEXT_LENGTH = 512  # positions of the released text encoder
NANO_CONTEXT_LENGTH = 128
SHOWN = 40  # characters of a prompt in an error's sentence


def with_duration(prompt: str, duration_s: float) -> str:
    """A prompt for the audio tower alone: it states how long the clip is.

    Args:
        prompt: what is audible.
        duration_s: frames over frame rate; the same text for all clips of one geometry.
    """
    return f"Duration: {duration_s:.2f} s. {prompt}"


def without_subtitles(prompt: str) -> str:
    """A prompt of phase 2 for a clip in which no subtitles were found."""
    return f"{prompt} This video has no subtitles."


def clean_prompt(text: str) -> str:
    """Repair mojibake, undo HTML escapes (twice, they come nested), and make every run of white space one space."""
    text = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
    return re.sub(r"\s+", " ", text).strip()


def check_prompt(prompt: str, tokens: int, limit: int) -> None:
    """Refuse what the text encoder would see cut off, or not at all.

    Args:
        prompt: as asked for.
        tokens: how many it has, the end token included.
        limit: how many the text encoder reads.

    Raises:
        UsageError: the prompt is empty or too long.
    """
    if not prompt.strip():
        raise UsageError("the prompt is empty: describe the video and its audio")
    if tokens > limit:
        raise UsageError(
            f"the prompt {prompt[:SHOWN]!r}… has {tokens} tokens, the text encoder reads at most {limit}: shorten it"
        )
