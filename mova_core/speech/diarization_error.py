"""Diarization error rate (DER): how far turns of speakers are from a reference, as seconds that add up over clips.

DER = (false alarm + missed + confusion) / speech of the reference, each counted a speaker: where two speak at once a
second counts twice, and that is scored. Speakers are paired so that the errors are fewest. The collar, within which
nothing around a boundary of the reference is scored, is none unless one is asked for; NIST's is 0.25 s on each side.
Computed by pyannote.metrics. Sources: NIST Rich Transcription evaluations; H. Bredin, "pyannote.metrics: a toolkit for
reproducible evaluation, diagnostic, and error analysis of speaker diarization systems" (Interspeech 2017).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mova_core.speech.turns import Turn


@dataclass(frozen=True, slots=True)
class DiarizationErrors:
    """Seconds of one clip, or of many together.

    Args:
        false_alarm_s: of speakers that the reference does not have there.
        missed_s: of speakers that are not found.
        confusion_s: that are given to another speaker.
        reference_s: of speech in the reference.
    """

    false_alarm_s: float = 0.0
    missed_s: float = 0.0
    confusion_s: float = 0.0
    reference_s: float = 0.0

    @property
    def errors_s(self) -> float:
        """All three kinds."""
        return self.false_alarm_s + self.missed_s + self.confusion_s

    @property
    def rate(self) -> float | None:
        """DER; None where nobody speaks in the reference."""
        return self.errors_s / self.reference_s if self.reference_s else None

    def __add__(self, other: "DiarizationErrors") -> "DiarizationErrors":
        return DiarizationErrors(
            self.false_alarm_s + other.false_alarm_s,
            self.missed_s + other.missed_s,
            self.confusion_s + other.confusion_s,
            self.reference_s + other.reference_s,
        )


def diarization_errors(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], duration_s: float, collar_s: float = 0.0
) -> DiarizationErrors:
    """The errors of one clip.

    Args:
        reference: who really speaks when.
        hypothesis: who was found to.
        duration_s: of the clip; nothing outside it is scored.
        collar_s: on each side of a boundary of the reference.
    """
    from pyannote.core import Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    metric = DiarizationErrorRate(
        collar=2 * collar_s, skip_overlap=False
    )  # the package's collar is both sides together
    clip = Timeline([Segment(0.0, duration_s)])
    found = metric(_annotation(reference), _annotation(hypothesis), uem=clip, detailed=True)
    return DiarizationErrors(found["false alarm"], found["missed detection"], found["confusion"], found["total"])


def _annotation(turns: Sequence[Turn]) -> Any:
    from pyannote.core import Annotation, Segment

    annotation = Annotation()
    for number, turn in enumerate(turns):
        annotation[Segment(turn.start_s, turn.end_s), number] = turn.speaker
    return annotation
