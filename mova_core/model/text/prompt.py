"""Prompts before they are tokens: cleaned as the released system cleans them, refused when empty or too long."""

import html
import re

import ftfy

from mova_core.errors import UsageError

CONTEXT_LENGTH = 512  # positions of the released text encoder
NANO_CONTEXT_LENGTH = 128
SHOWN = 40  # characters of a prompt in an error's sentence


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
        raise UsageError("the prompt is empty: say what should be seen and heard")
    if tokens > limit:
        raise UsageError(
            f"the prompt {prompt[:SHOWN]!r}… has {tokens} tokens, the text encoder reads at most {limit}: shorten it"
        )
