"""A training caption in its parts: visual narrative first, dialogue tied to visible speakers, all other audio last.

That order is the one of the merged captions of the MOVA report (arXiv:2602.08794, stage 3 of curation). A model answers
with the three parts, and they are put together here: the order holds whatever it answers.
"""

from typing import Annotated

from pydantic import AfterValidator

from mova_core.endpoints.answer import Answer, FilledText, Text, few


class DialogueLine(Answer):
    """What one visible person says."""

    speaker: FilledText
    manner: FilledText
    line: FilledText


class Caption(Answer):
    """A prompt in the three parts of a training caption."""

    visual: FilledText
    dialogue: Annotated[list[DialogueLine], AfterValidator(few)]
    sound: Text

    @property
    def merged(self) -> str:
        """The parts as one text; empty ones are left out."""
        said = [f'{line.speaker} {line.manner}: "{line.line}"' for line in self.dialogue]
        return " ".join(part.strip() for part in (self.visual, *said, self.sound) if part.strip())
