"""What of a file is lost: an interval of its timeline in which one stream holds nothing that can be trusted."""

from dataclasses import dataclass
from typing import Literal

GAP_S = 0.040  # where nothing was recorded for so long or less, that is no gap


@dataclass(frozen=True, slots=True)
class Lost:
    """An interval of one stream that no clip may show or play.

    Args:
        start_s: from where nothing can be trusted, in seconds on the file's timeline.
        end_s: from where the stream can be trusted again, or its end.
        stream: which one.
        code: stable word for tables and counts: `gap` (nothing was recorded), `decode_error` (damage), and others.
        reason: one sentence for a person.
    """

    start_s: float
    end_s: float
    stream: Literal["video", "audio"]
    code: str
    reason: str

    def seconds_in(self, start_s: float, end_s: float) -> float:
        """How much of an interval is lost by it."""
        return max(0.0, min(self.end_s, end_s) - max(self.start_s, start_s))
