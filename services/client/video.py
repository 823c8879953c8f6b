"""A video as the API answers it. What a newer service adds is left aside."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

FINISHED = ("completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Video:
    """One video.

    Args:
        id: its name.
        status: queued, in_progress, completed, failed or cancelled.
        progress: percent.
        prompt: what was asked for.
        seconds: its length.
        size: of its frames, WIDTHxHEIGHT.
        seed: of its noise.
        created_at: seconds since 1970.
        completed_at: when it was finished, likewise; None: it is not.
        expires_at: from when on it is gone, likewise.
        checkpoint_id: the weights that made it; None before that.
        remixed_from_video_id: the video that it was made from.
        warnings: what to know of it, a sentence each.
        error: code and message of one that failed.
    """

    id: str
    status: str
    progress: int
    prompt: str
    seconds: str
    size: str
    seed: int
    created_at: int
    completed_at: int | None = None
    expires_at: int | None = None
    checkpoint_id: str | None = None
    remixed_from_video_id: str | None = None
    warnings: tuple[str, ...] = ()
    error: Mapping[str, str] | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Video":
        """The video of an answer's JSON."""
        known = {field.name: answer[field.name] for field in fields(cls) if field.name in answer}
        return cls(**known | {"warnings": tuple(answer.get("warnings", ()))})

    @property
    def is_finished(self) -> bool:
        """Whether nothing will change it any more."""
        return self.status in FINISHED
