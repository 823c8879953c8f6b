"""What is asked for of one clip, as options of `mova generate` and lines of `--prompts` name it: one list of fields.

`MovaPipeline` takes the same names, with frames and samples in place of files. Light: it imports no torch.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mova_core.params.generate import Modality
from mova_core.sampling.tasks import MOST_PIECES, task_of

INTERVAL = "expected two numbers of seconds, such as 0.5:1.25"


def _interval(value: Any) -> Any:
    """`0.5:1.25`, or a list of two numbers."""
    parts = value.split(":") if isinstance(value, str) else value
    if isinstance(parts, list | tuple) and len(parts) == 2 and not any(isinstance(part, bool) for part in parts):
        try:
            return tuple(float(part) for part in parts)
        except (TypeError, ValueError):
            pass
    raise ValueError(INTERVAL)


AnyPath = Annotated[Path, Field(strict=False)]  # JSON and command lines have strings


class Given(BaseModel):
    """What a clip is made from beside its text, and what is asked for of it: fields of `ClipInputs`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    image: AnyPath | None = Field(None, description="the first frame, an RGB image")
    last_image: AnyPath | None = Field(None, description="the last frame, an RGB image")
    video: AnyPath | None = Field(
        None, description="a video that audio is made for; with --extend it goes on, with --retake it is changed"
    )
    audio: AnyPath | None = Field(
        None, description="audio that a video is made for; with --extend and --retake in place of the video's own"
    )
    only: Modality | None = Field(None, description="the one thing to make: video, without audio, or audio alone")
    extend: int | None = Field(
        None, ge=1, le=MOST_PIECES, description="pieces by which the clip, or the one of --video, goes on"
    )
    retake: Annotated[tuple[float, float], BeforeValidator(_interval)] | None = Field(
        None, description="seconds of --video that are made anew, such as 0.5:1.25; the rest is kept"
    )

    @property
    def files(self) -> dict[str, Path]:
        """The files among them, by field."""
        return {name: path for name in FILE_FIELDS if (path := getattr(self, name)) is not None}

    @property
    def asked(self) -> dict[str, Any]:
        """What is no file, by field."""
        return {name: value for name in TASK_FIELDS if (value := getattr(self, name)) is not None}

    @property
    def audio_of_video(self) -> bool:
        """Whether the video's own audio is needed with it."""
        both = self.extend is not None or self.retake is not None
        return both and self.video is not None and self.audio is None

    @property
    def task_name(self) -> str:
        """Its name in `CLIP_TASKS`; UsageError where no task takes these together."""
        names = [name for name in (*FILE_FIELDS, "extend", "retake") if getattr(self, name) is not None]
        names += ["audio"] * self.audio_of_video + [f"only={self.only}"] * bool(self.only)
        return task_of(names)


FILE_FIELDS = ("image", "last_image", "video", "audio")
TASK_FIELDS = tuple(name for name in Given.model_fields if name not in FILE_FIELDS)
NOTHING = Given()


@dataclass(frozen=True, slots=True)
class Wanted:
    """One clip to make.

    Args:
        name: of its file, without suffix.
        prompt: its text.
        seed: of its noise.
        given: what else it is made from.
        suffix: of its file's name, where the whole name was asked for; None: the one that its codec has.
        audio_out: WAV file that its audio is written into as well.
    """

    name: str
    prompt: str
    seed: int = 0
    given: Given = NOTHING
    suffix: str | None = None
    audio_out: Path | None = None
