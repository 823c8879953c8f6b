"""Who speaks when: turns of speakers, and the words of a transcript given to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from mova_core.speech.text_normalization import is_written_without_spaces
from mova_core.speech.transcript import Segment, Transcript, Word


@dataclass(frozen=True, slots=True)
class Turn:
    """One speaker speaks; turns of several may overlap.

    Args:
        start_s: seconds from the clip's start.
        end_s: of it.
        speaker: a name that is the same for all of this speaker's turns.
    """

    start_s: float
    end_s: float
    speaker: str


def turns_of(transcript: Transcript) -> tuple[Turn, ...] | None:
    """The turns that a transcript's segments are; None where one has no times or no speaker."""
    turns = []
    for segment in transcript.segments:
        if segment.interval_s is None or segment.speaker is None:
            return None
        turns.append(Turn(*segment.interval_s, segment.speaker))
    return tuple(turns)


def with_speakers(transcript: Transcript, turns: Sequence[Turn]) -> Transcript:
    """A transcript whose words have the speakers of the turns.

    A word (a segment, where words are not known one by one) is of the speaker whose turns it overlaps longest; where it
    overlaps none, of the nearest turn; of two that are equally good, the one who speaks first. Neighbouring words of
    one speaker within a segment stay one segment. Where one speaker has all turns, all words are theirs, with times or
    without. Else without times, and without turns, a speaker stays as it was.
    """
    speakers = {turn.speaker for turn in turns}
    if len(speakers) == 1:
        (speaker,) = speakers
        alone = tuple(segment.model_copy(update={"speaker": speaker}) for segment in transcript.segments)
        return transcript.model_copy(update={"segments": alone})
    segments = [part for segment in transcript.segments for part in _parts(segment, turns)]
    return Transcript(segments=tuple(segments), language=transcript.language)


def _parts(segment: Segment, turns: Sequence[Turn]) -> list[Segment]:
    if not turns:
        return [segment]
    if not segment.words or any(word.interval_s is None for word in segment.words):
        interval = segment.interval_s
        speaker = segment.speaker if interval is None else _speaker(interval, turns)
        return [segment.model_copy(update={"speaker": speaker})]
    spoken = [(_speaker(word.interval_s, turns), word) for word in segment.words if word.interval_s is not None]
    groups = [(speaker, [word for _, word in said]) for speaker, said in groupby(spoken, key=lambda each: each[0])]
    if len(groups) == 1:
        return [segment.model_copy(update={"speaker": groups[0][0]})]
    return [_segment(speaker, said) for speaker, said in groups]


def _segment(speaker: str, said: Sequence[Word]) -> Segment:
    intervals = [word.interval_s for word in said if word.interval_s is not None]
    return Segment(
        text=_joined([word.text for word in said]),
        speaker=speaker,
        start_s=min(start for start, _ in intervals),
        end_s=max(end for _, end in intervals),
        words=tuple(said),
    )


def _joined(texts: Sequence[str]) -> str:
    """Words as one text: a space between them, but none beside a character of a script without spaces."""
    text = ""
    for word in filter(None, (each.strip() for each in texts)):
        apart = text and not (is_written_without_spaces(text[-1]) or is_written_without_spaces(word[0]))
        text += f" {word}" if apart else word
    return text


def _speaker(interval_s: tuple[float, float], turns: Sequence[Turn]) -> str:
    overlaps, distances = dict[str, float](), dict[str, float]()
    for turn in sorted(turns, key=lambda turn: (turn.start_s, turn.end_s)):
        overlap = min(interval_s[1], turn.end_s) - max(interval_s[0], turn.start_s)
        overlaps[turn.speaker] = overlaps.get(turn.speaker, 0.0) + max(0.0, overlap)
        distances[turn.speaker] = min(distances.get(turn.speaker, -overlap), -overlap)
    return max(overlaps, key=lambda speaker: (overlaps[speaker], -max(0.0, distances[speaker])))
