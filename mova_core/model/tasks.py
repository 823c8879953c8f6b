"""What a joint model is asked to do, as one table that training and sampling share. Light: it imports no torch.

A modality that is noised is predicted, and its loss counts. One that is given is clean at every step: its noise level
is 0 and its loss does not count. One that is absent has no part: the Bridge is off, and its loss does not count.
Source of `text_to_both` and `first_frame`: MOVA report (arXiv:2602.08794), section 1; the others are ours.
"""

from dataclasses import dataclass
from typing import Literal

Role = Literal["noised", "given", "absent"]


@dataclass(frozen=True, slots=True)
class Task:
    """One row.

    Args:
        video: what the model gets of the video.
        audio: and of the audio.
        first_frame: whether the clip's own first frame conditions the video, not a white one.
        last_frame: whether its last frame does too.
    """

    video: Role = "noised"
    audio: Role = "noised"
    first_frame: bool = False
    last_frame: bool = False

    @property
    def bridge(self) -> bool:
        """Whether the towers exchange anything."""
        return "absent" not in (self.video, self.audio)


TASKS: dict[str, Task] = {
    "text_to_both": Task(),
    "audio_from_video": Task(video="given"),
    "video_from_audio": Task(audio="given"),
    "audio_alone": Task(video="absent"),
    "video_alone": Task(audio="absent"),
    "first_frame": Task(first_frame=True),
    "first_and_last_frame": Task(first_frame=True, last_frame=True),
    "last_frame": Task(last_frame=True),
}
"""The tasks, by the names that `train.PHASE.tasks` weighs."""
