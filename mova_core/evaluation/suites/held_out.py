"""How many prompts of a suite are captions that a model was trained on: 0 where following text is shown, not memory."""

import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Any

from mova_core.curation.tables import read_table
from mova_core.measures.clip import Unavailable
from mova_core.places import DataFolder

TEXTS = ("visual", "speech", "sound", "merged")  # columns of table `captions`
WORD = re.compile(r"[^\W_]+")


def captions_of(data: DataFolder) -> frozenset[str] | Unavailable:
    """Every caption of the data's clips, whatever track of it; unavailable where there is no table of captions."""
    path = data.table("captions")
    if not path.is_file():
        return Unavailable(f"{path} is not there: name the training data's folder by --data")
    rows = read_table(path, "captions")
    return frozenset(row[name] for row in rows for name in TEXTS if row[name])


def overlap(prompts: Iterable[str], captions: Collection[str] | Unavailable) -> dict[str, Any]:
    """Prompts that are among these captions, as results hold it.

    Args:
        prompts: of a suite.
        captions: that a model may have been trained on.

    Returns:
        `exact`: how many are there letter for letter; `normalised`: with the same words, whatever their case, spacing
        and punctuation; `prompts` and `captions`: of how many different ones. Or `unavailable` with the reason.
    """
    if isinstance(captions, Unavailable):
        return {"unavailable": captions.reason}
    asked, words = set(prompts), {normalised(caption) for caption in captions}
    return {
        "exact": sum(prompt in captions for prompt in asked),
        "normalised": sum(normalised(prompt) in words for prompt in asked),
        "prompts": len(asked),
        "captions": len(captions),
    }


def normalised(text: str) -> str:
    """The words of a text in small letters of compatible form, one space between."""
    return " ".join(WORD.findall(unicodedata.normalize("NFKC", text).casefold()))
