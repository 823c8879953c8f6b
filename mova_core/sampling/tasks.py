"""What a clip can be asked for, as one table. Light: it imports no torch.

A row says which inputs ask for it, and what the model then does: a task of `mova_core/model/tasks.py`, which says of
each modality whether it is noise, given or absent and which frames condition the video, and what is kept, that is known
beforehand and comes out bit for bit. The task of a clip follows from its inputs alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from mova_core.errors import UsageError
from mova_core.model.tasks import TASKS, Role, Task
from mova_core.params.generate import Modality

Kept = Literal["nothing", "overlap", "outside"]
FRAMES = frozenset({"image", "last_image"})
MOST_PIECES = 100  # by which a clip goes on


@dataclass(frozen=True, slots=True)
class ClipTask:
    """One row.

    Args:
        inputs: fields of `ClipInputs` that ask for it, all of them.
        model: the task that the model carries out. Where the clip is longer than the model makes at once, that of each
            of its pieces.
        optional: inputs that may go with them: frames condition the video as they do alone.
        keeps: latents that are known: none, those that overlap with the clip before, or those outside an interval.
        pieces: whether the clip is made of several, one after the other.
    """

    inputs: frozenset[str]
    model: Task
    optional: frozenset[str] = frozenset()
    keeps: Kept = "nothing"
    pieces: bool = False

    @property
    def takes(self) -> frozenset[str]:
        """All inputs that it can have."""
        return self.inputs | self.optional

    @property
    def generated(self) -> list[Modality]:
        """The modalities that are noise at first."""
        roles: dict[Modality, Role] = {"video": self.model.video, "audio": self.model.audio}
        return [modality for modality, role in roles.items() if role == "noised"]

    @property
    def makes_video(self) -> bool:
        """Whether the clip has a video, given or generated."""
        return self.model.video != "absent"

    @property
    def makes_audio(self) -> bool:
        """Whether the clip has audio, given or generated."""
        return self.model.audio != "absent"


def _row(
    *inputs: str, model: str, optional: Iterable[str] = (), keeps: Kept = "nothing", pieces: bool = False
) -> ClipTask:
    return ClipTask(frozenset(inputs), TASKS[model], frozenset(optional), keeps, pieces)


CLIP_TASKS: dict[str, ClipTask] = {
    "text_to_both": _row(model="text_to_both"),
    "first_frame": _row("image", model="first_frame"),
    "last_frame": _row("last_image", model="last_frame"),
    "first_and_last_frame": _row("image", "last_image", model="first_and_last_frame"),
    "audio_from_video": _row("video", model="audio_from_video"),
    "video_from_audio": _row("audio", model="video_from_audio", optional=FRAMES),
    "video_alone": _row("only=video", model="video_alone", optional=FRAMES),
    "audio_alone": _row("only=audio", model="audio_alone"),
    "extend": _row("extend", model="first_frame", optional={"image"}, keeps="overlap", pieces=True),
    "extend_video": _row("video", "audio", "extend", model="first_frame", keeps="overlap", pieces=True),
    "retake": _row("video", "audio", "retake", model="first_frame", keeps="outside"),
}
"""The tasks, by name; the first frame that conditions a piece or a retake is the clip's own."""

PIECE = ClipTask(frozenset({"before"}), TASKS["first_frame"], keeps="overlap")
"""One further piece of a clip that is extended: what `extend` is made of, and nothing that is asked for."""

WHY_NOT = {
    frozenset({"video", "audio"}): "nothing is left to generate",
    frozenset({"video", "image"}): "a given video has a first frame of its own",
    frozenset({"video", "last_image"}): "a given video has a last frame of its own",
    frozenset({"video", "only=video"}): "nothing is left to generate",
    frozenset({"audio", "only=audio"}): "nothing is left to generate",
    frozenset({"video", "only=audio"}): "audio for a given video is made without `only`",
    frozenset({"audio", "only=video"}): "a video for given audio is made without `only`",
    frozenset({"extend", "last_image"}): "each piece begins where the one before ends",
}
"""Why inputs do not go together, where more can be said than that no task takes them."""


def task_of(inputs: Iterable[str]) -> str:
    """The name of the task that these inputs ask for.

    Args:
        inputs: names of fields of `ClipInputs` that are given; `only` with its value, such as `only=video`.

    Raises:
        UsageError: no task takes them together, or those that do need more.
    """
    given = frozenset(inputs)
    for name, task in CLIP_TASKS.items():
        if task.inputs <= given <= task.takes:
            return name
    if lacking := [task.inputs - given for task in CLIP_TASKS.values() if given <= task.takes]:
        why = f": {WHY_NOT[given]}" if given in WHY_NOT else ""
        missing = " or ".join(_listed(names) for names in lacking)
        raise UsageError(f"{_listed(given)} {'is' if len(given) == 1 else 'are'} given without {missing}{why}")
    apart = [pair for pair in map(frozenset, combinations(sorted(given), 2)) if not _go_together(pair)]
    told = next((pair for pair in apart if pair in WHY_NOT), apart[0] if apart else given)
    both = "both" if len(told) == 2 else "all"
    raise UsageError(f"{_listed(told)} are {both} given: {WHY_NOT.get(told, 'no task takes them')}, leave one out")


def _go_together(names: frozenset[str]) -> bool:
    return any(names <= task.takes for task in CLIP_TASKS.values())


def _listed(names: Iterable[str]) -> str:
    return " and ".join(sorted(names))
