"""What a model was trained on, in words: phrases of its training captions, kept in its folder to warn of other prompts.

A phrase is a run of words that are not function words. Every word counts alike: a prompt that shares a single one with
the captions raises no warning, so a model trained on rich captions hardly ever warns, and one of four shapes does.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

MOST = 2000  # phrases that are kept
SHOWN = 8
PROMPT_CHARACTERS = 60  # of a prompt in a warning
WORD = re.compile(r"[\u3040-\u9fff]|[^\W\d_\u3040-\u9fff]+")  # one character where words are written without spaces
CLAUSE = re.compile(r"[.,;:!?()\n]")
FUNCTION_WORDS = frozenset(
    WORD.findall(
        "a an and are as at be but by each for from has have in into is it its no not of on or over some that the "
        "their then there this to was were while with without"
    )
)


def known_phrases(captions: Iterable[str]) -> list[str]:
    """Phrases of captions, the most frequent first; words of every caption, which say least, come last."""
    clips = Counter(captions)
    everywhere = set.intersection(*(set(_words(caption)) for caption in clips)) if len(clips) > 1 else set()
    phrases: Counter[str] = Counter()
    for caption, count in clips.items():
        for clause in CLAUSE.split(caption):
            for kind, run in groupby(_words(clause), lambda word: word in FUNCTION_WORDS or word in everywhere):
                words = list(run)
                if not kind:
                    phrases[" ".join(words)] += count
    last = sorted(everywhere - FUNCTION_WORDS)
    return [*sorted(phrases, key=lambda phrase: (-phrases[phrase], phrase))[: MOST - len(last)], *last]


def unknown_prompts_warning(prompts: Sequence[str], phrases: Sequence[str]) -> str | None:
    """One sentence about the prompts that share no word with the training captions; None where all do.

    Args:
        prompts: as asked for.
        phrases: of the captions; none where they are not known, which warns of nothing.
    """
    known = {word for phrase in phrases for word in _words(phrase)}
    unknown = [prompt for prompt in prompts if known.isdisjoint(_words(prompt))]
    if not unknown or not known:
        return None
    more = ", …" if len(phrases) > SHOWN else ""
    which = f"the prompt {unknown[0][:PROMPT_CHARACTERS]!r} names"
    if len(unknown) > 1:
        which = f"{len(unknown)} of {len(prompts)} prompts, such as {unknown[0][:PROMPT_CHARACTERS]!r}, name"
    return f"this model was trained on clips of: {', '.join(phrases[:SHOWN])}{more}; {which} none of them"


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower())
