"""Error rates of a transcript against a reference: CER, WER, cpCER, as counts that add up over clips.

errors = substitutions + deletions + insertions of the shortest edit (Levenshtein), rate = errors / length of the
reference; of many clips, the sum of errors over the sum of lengths. Above 1 where much is inserted.
CER and WER compare all that is said in the order of speaking, whoever says it. cpCER joins what each speaker says,
pairs the speakers of both transcripts so that the errors are fewest, and counts those: a speaker who has no partner is
all insertions or all deletions. What counts as a character or a word says `text_normalization.py`.
Computed by meeteval (extra `metrics`). Sources: S. Watanabe and others, "CHiME-6 Challenge" (arXiv:2004.09249), for the
minimum permutation; T. von Neumann and others, "MeetEval" (arXiv:2307.11394).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mova_core.speech.text_normalization import characters, words
from mova_core.speech.transcript import Transcript

MOST_SPEAKERS = 20  # that meeteval pairs
Tokens = Mapping[str, Sequence[str]]  # by speaker


@dataclass(frozen=True, slots=True)
class EditCounts:
    """Of one clip, or of many together.

    Args:
        substitutions: tokens in place of others.
        deletions: tokens of the reference that are missing.
        insertions: tokens that the reference does not have.
        reference_length: tokens of the reference.
    """

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    reference_length: int = 0

    @property
    def errors(self) -> int:
        """All three kinds."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float | None:
        """Errors over the reference's length; None where the reference is empty: there is nothing to be wrong about."""
        return self.errors / self.reference_length if self.reference_length else None

    def __add__(self, other: "EditCounts") -> "EditCounts":
        return EditCounts(
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
            self.reference_length + other.reference_length,
        )


def character_errors(reference: Transcript, hypothesis: Transcript) -> EditCounts:
    """Of CER."""
    return _fewest_errors({"": characters(reference.text)}, {"": characters(hypothesis.text)})


def word_errors(reference: Transcript, hypothesis: Transcript) -> EditCounts:
    """Of WER; Chinese and Japanese characters are words."""
    return _fewest_errors({"": words(reference.text)}, {"": words(hypothesis.text)})


def speaker_character_errors(reference: Transcript, hypothesis: Transcript) -> EditCounts:
    """Of cpCER.

    Raises:
        ValueError: a transcript has more than 20 speakers.
    """
    return _fewest_errors(_by_speaker(reference), _by_speaker(hypothesis))


def _by_speaker(transcript: Transcript) -> Tokens:
    """Characters of each speaker who says any; a speaker without a name is one of them."""
    tokens = (characters(text) for text in transcript.by_speaker.values())
    speaking = {str(number): said for number, said in enumerate(tokens) if said}
    if len(speaking) > MOST_SPEAKERS:
        raise ValueError(f"{len(speaking)} speakers, more than the {MOST_SPEAKERS} that are paired")
    return speaking


def _fewest_errors(reference: Tokens, hypothesis: Tokens) -> EditCounts:
    """Those of the best pairing of speakers."""
    from meeteval.wer import cp_word_error_rate

    found = cp_word_error_rate(dict(reference), dict(hypothesis), reference_sort=False, hypothesis_sort=False)
    return EditCounts(found.substitutions, found.deletions, found.insertions, found.length)
