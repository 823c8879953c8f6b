"""A suite as a file: JSONL whose lines are those of `mova generate --prompts` with facts for metrics, or Verse-Bench.

    {"prompt": "Two people talk.", "name": "talk", "set": "dialogue", "language": "en",
     "speech": [{"speaker": "A", "text": "Hello."}, {"speaker": "B", "text": "Good morning."}]}

What else a line may say is in `SuiteLine`. A file that ends in .json is read in the layout of Verse-Bench.
"""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from mova_core.errors import UsageError, first_fault
from mova_core.evaluation.suites.item import SuiteItem
from mova_core.evaluation.suites.verse_bench import read_verse_bench
from mova_core.measures.clip import Asked
from mova_core.sampling.request.prompt_file import PromptLine, read_prompt_lines
from mova_core.speech.transcript import Transcript
from mova_core.synthetic.world import KINDS

LINES_SUFFIX, VERSE_BENCH_SUFFIX = ".jsonl", ".json"
FIRST_SEED = 0  # of the first line, as of `mova generate --prompts`


def _speech(value: Any) -> Any:
    """A transcript, or its segments alone."""
    try:
        transcript = Transcript.model_validate({"segments": value} if isinstance(value, list) else value)
    except ValidationError as error:
        raise ValueError(first_fault(error)) from None
    if not transcript.text:
        raise ValueError("nothing is said in it, leave it out")
    return transcript


def _class(value: Any) -> Any:
    if value not in KINDS:
        raise ValueError(f"expected one of {', '.join(KINDS)}")
    return value


Class = Annotated[str, BeforeValidator(_class)]


class SuiteLine(PromptLine):
    """A line of a suite: a clip to generate, and what is known of it."""

    set: str | None = Field(None, min_length=1, description="of the suite that the clip is of")
    label: Class | None = Field(None, description="its class of the synthetic world")
    audio_label: Class | None = Field(None, description="the class of its audio, where that is another")
    speech: Annotated[Transcript, BeforeValidator(_speech)] | None = Field(
        None, description="what should be said: a transcript, or a list of {speaker, text}"
    )
    language: str | None = Field(None, pattern="^[a-z]{2,3}$", description="of the speech, such as en or zh")
    on_screen_text: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        (), description="texts that the video should show"
    )

    @model_validator(mode="after")
    def _language_is_of_the_speech(self) -> Self:
        if self.language is not None and self.speech is None:
            raise ValueError(f"language is {self.language!r} without speech, whose language it is: leave it out")
        if self.language is not None and self.speech is not None:
            stated = self.speech.language
            if stated not in (None, self.language):
                raise ValueError(f"language is {self.language!r}, and that of speech {stated!r}: leave one out")
        return self

    def asked_for(self) -> Asked:
        """What metrics may know."""
        speech = self.speech
        if speech is not None and self.language is not None:
            speech = speech.model_copy(update={"language": self.language})
        return Asked(self.prompt, self.label, self.audio_label, self.set, speech, self.on_screen_text)


FACTS = tuple(name for name in SuiteLine.model_fields if name not in PromptLine.model_fields)
"""Keys of a line that `mova generate --prompts` does not have."""


def read_suite(path: Path) -> tuple[SuiteItem, ...]:
    """The clips of a suite's file, in its order.

    Raises:
        UsageError: no such file, not of a known layout, or one sentence about the first line that is wrong.
    """
    if path.suffix == VERSE_BENCH_SUFFIX:
        return read_verse_bench(path)
    if path.suffix != LINES_SUFFIX:
        raise UsageError(
            f"{path} is no suite that can be read: expected a {LINES_SUFFIX} file with an object a line, or "
            f"{VERSE_BENCH_SUFFIX} in the layout of Verse-Bench"
        )
    return tuple(SuiteItem(wanted, line.asked_for()) for wanted, line in read_prompt_lines(path, FIRST_SEED, SuiteLine))
