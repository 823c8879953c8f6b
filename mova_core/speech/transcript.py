"""Transcript: who says what and when in one clip, as JSON that people or models write.

    {"language": "en",
     "segments": [{"speaker": "A", "text": "Hello there.", "start_s": 0.4, "end_s": 1.2,
                   "words": [{"text": "Hello", "start_s": 0.4, "end_s": 0.7}, …]}, …]}

Only `segments` and their `text` must be there. Times are seconds from the clip's start; a transcript that was written
by hand often has none. Transcripts of many clips are a folder with `CLIP.json` each, or a JSONL file whose lines have a
`clip` besides. Unknown keys are refused.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mova_core.errors import UsageError, first_fault
from mova_core.printable import printable

SUFFIX, LINES_SUFFIX = ".json", ".jsonl"

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Timed(_Closed):
    start_s: Seconds | None = None
    end_s: Seconds | None = None

    @model_validator(mode="after")
    def _times_are_an_interval(self) -> Self:
        if (self.start_s is None) != (self.end_s is None):
            raise ValueError("it has one of start_s and end_s, expected both or neither")
        if self.start_s is not None and self.end_s is not None and self.end_s < self.start_s:
            raise ValueError(f"end_s is {self.end_s:g}, before start_s {self.start_s:g}")
        return self

    @property
    def interval_s(self) -> tuple[float, float] | None:
        """Start and end, or None where they are not known."""
        return None if self.start_s is None or self.end_s is None else (self.start_s, self.end_s)


class Word(_Timed):
    """One word.

    Args:
        text: as written, its punctuation included.
        start_s: of it; None where not known.
        end_s: of it.
    """

    text: str


class Segment(_Timed):
    """What one speaker says without a pause.

    Args:
        text: as written.
        speaker: any name that is the same for all of this speaker's segments; None where not known.
        start_s: of it; None where not known.
        end_s: of it.
        words: of `text`, where they are known one by one.
    """

    text: str
    speaker: str | None = None
    words: tuple[Word, ...] = ()


class Transcript(_Closed):
    """One clip's.

    Args:
        segments: in the order of speaking; those that have times are sorted by them.
        language: code such as `en`, or None.
    """

    segments: tuple[Segment, ...]
    language: str | None = None

    @property
    def text(self) -> str:
        """All that is said, in the order of speaking."""
        return " ".join(segment.text.strip() for segment in self.in_order if segment.text.strip())

    @property
    def in_order(self) -> tuple[Segment, ...]:
        """The segments by their start where all have times, else as listed."""
        timed = [(segment.interval_s, index) for index, segment in enumerate(self.segments)]
        starts = [(interval[0], index) for interval, index in timed if interval is not None]
        return (
            tuple(self.segments[index] for _, index in sorted(starts)) if len(starts) == len(timed) else self.segments
        )

    @property
    def by_speaker(self) -> Mapping[str | None, str]:
        """What each speaker says in all, by name; segments without a speaker are those of one more, None."""
        texts: dict[str | None, list[str]] = {}
        for segment in self.in_order:
            texts.setdefault(segment.speaker, []).append(segment.text)
        return {speaker: " ".join(said) for speaker, said in texts.items()}


class _Line(Transcript):
    clip: str = Field(min_length=1)


Kind = TypeVar("Kind", bound=Transcript)


def parse_transcript(text: str | bytes, where: str) -> Transcript:
    """A transcript from its JSON.

    Args:
        text: the JSON.
        where: it comes from, for messages.

    Raises:
        UsageError: no JSON, or not of the schema; names the first fault.
    """
    return _parsed(Transcript, text, where)


def read_transcripts(path: Path) -> dict[str, Transcript]:
    """Transcripts by clip, from a folder of JSON files or a JSONL file.

    Raises:
        UsageError: there is nothing of the kind, one is not of the schema, or a clip stands there twice.
    """
    if path.is_dir():
        files = sorted(file for file in path.glob(f"*{SUFFIX}") if file.is_file())
        if not files:
            raise UsageError(f"{path} holds no transcripts: expected CLIP{SUFFIX} for each clip")
        return {file.stem: parse_transcript(file.read_bytes(), str(file)) for file in files}
    if path.suffix != LINES_SUFFIX or not path.is_file():
        raise UsageError(f"{path} is no folder and no {LINES_SUFFIX} file that is there: name where transcripts lie")
    transcripts = dict[str, Transcript]()
    for number, text in enumerate(path.read_bytes().splitlines(), 1):
        if text.strip():
            line = _parsed(_Line, text, f"{path}, line {number}")
            if line.clip in transcripts:
                raise UsageError(f"{path}, line {number}: clip {line.clip!r:.80} stands there twice")
            transcripts[line.clip] = Transcript(segments=line.segments, language=line.language)
    return transcripts


def written(transcript: Transcript) -> str:
    """Its JSON on one line, without what is not known; `parse_transcript` gives the same transcript back."""
    return transcript.model_dump_json(exclude_defaults=True)


def plain(text: str) -> str:
    """A text from a model: its white space one space each, no control characters."""
    return printable(" ".join(text.split()))


def times_within(start_s: float | None, end_s: float | None, duration_s: float) -> dict[str, float]:
    """`start_s` and `end_s` as a model says them, inside the clip and in their order; None is the clip's own."""
    start = min(max(start_s or 0.0, 0.0), duration_s)
    end = duration_s if end_s is None else min(max(end_s, 0.0), duration_s)
    return {"start_s": start, "end_s": max(start, end)}


def _parsed(kind: type[Kind], text: str | bytes, where: str) -> Kind:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise UsageError(f"{where}: not a transcript ({first_fault(error)})") from None
