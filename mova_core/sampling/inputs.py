"""What one clip is made from, as it is asked for: text, and frames or audio that are given."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mova_core.errors import UsageError
from mova_core.geometry import ClipGeometry
from mova_core.params.generate import Modality
from mova_core.sampling.retake import Interval, retaken
from mova_core.sampling.tasks import CLIP_TASKS, MOST_PIECES, PIECE, ClipTask, task_of

Frame = NDArray[np.uint8]  # [H, W, 3] RGB
Frames = NDArray[np.uint8]  # [F, H, W, 3] RGB
Waveform = NDArray[np.float32]  # [S] in -1..1

OVERLAP_FRAMES = 5  # of a piece and the clip before it: 2 latent frames, so that the model sees what moves


@dataclass(frozen=True, slots=True)
class Ending:
    """The last frames of a clip, and its audio over the same time: what its next piece begins with."""

    video: Frames
    audio: Waveform


@dataclass(frozen=True, slots=True)
class ClipInputs:
    """One clip. What is given decides its task, see `tasks.py`.

    Args:
        prompt: its text.
        seed: of its noise.
        image: first frame; None: a white one, which is not kept.
        last_image: last frame. It guides the clip's end.
        video: as many frames as the clip; the audio is made for it. With `extend`, of any length: it goes on.
        audio: as many samples as the clip, at its rate; the video is made for it.
        only: the one modality that is made, without the other.
        extend: so many pieces more, each as long as the model makes at once less what overlaps; 0 for none.
        retake: seconds of the given video and audio that are made anew; the rest is kept.
        before: end of the clip that this is a further piece of; `extend` sets it.
    """

    prompt: str
    seed: int = 0
    image: Frame | None = None
    last_image: Frame | None = None
    video: Frames | None = None
    audio: Waveform | None = None
    only: Modality | None = None
    extend: int = 0
    retake: Interval | None = None
    before: Ending | None = None

    @property
    def task(self) -> ClipTask:
        """What is asked for; UsageError where `only` is no modality, or no task takes these inputs together."""
        return PIECE if self.before is not None else CLIP_TASKS[self.task_name]

    @property
    def task_name(self) -> str:
        """Its name in `CLIP_TASKS`; errors as of `task`, of a clip that is asked for."""
        if self.only not in (None, "video", "audio"):
            raise UsageError(f"only is {self.only!r}, expected video or audio")
        named = {name: getattr(self, name) for name in ("image", "last_image", "video", "audio", "retake")}
        given = [name for name, value in named.items() if value is not None]
        given += ["extend"] * bool(self.extend) + [f"only={self.only}"] * bool(self.only)
        return task_of(given)

    @property
    def batched_by(self) -> tuple[object, ...]:
        """What clips that are generated together have in common, see `check_alike`."""
        return self.video is None, self.audio is None, self.only, self.extend, self.retake is None

    @property
    def shown(self) -> Frame | None:
        """The frame whose shape decides between landscape and portrait."""
        video = self.video if self.before is None else self.before.video
        if video is not None:
            return video[0]
        return self.last_image if self.image is None else self.image

    def first_frame(self, geometry: ClipGeometry) -> Frame | None:
        """The frame that conditions the clip's start, if one does."""
        if self.before is not None:
            return self.before.video[0]
        if self.retake is not None and self.video is not None:
            return None if 0 in retaken(self.retake, geometry).latent_frames else self.video[0]
        return self.image

    def check(self, geometry: ClipGeometry) -> None:
        """Refuse what leaves nothing to generate, contradicts itself, or does not fit the clip.

        Args:
            geometry: of the clip.

        Raises:
            UsageError: one sentence about the first thing that is wrong.
        """
        if not 0 <= self.extend <= MOST_PIECES:
            raise UsageError(f"extend is {self.extend}, expected 1 to {MOST_PIECES} pieces more")
        task = self.task
        if self.last_image is not None and geometry.frames == 1:
            raise UsageError("last_image is given for a clip of 1 frame, which is its first: ask for 5 frames or more")
        if task.keeps == "overlap" and geometry.frames <= OVERLAP_FRAMES:
            raise UsageError(
                f"a piece has {geometry.frames} frames, {OVERLAP_FRAMES} of which overlap with the clip before: ask "
                f"for {OVERLAP_FRAMES + 4} frames or more"
            )
        if self.video is not None:
            _check_video(self.video, geometry, any_length=task.pieces)
        if self.audio is not None:
            frames = geometry.frames if self.video is None else len(self.video)
            _check_audio(self.audio, geometry, frames)
        if self.retake is not None:
            retaken(self.retake, geometry)


def _check_video(video: Frames, geometry: ClipGeometry, *, any_length: bool) -> None:
    if video.ndim != 4 or video.shape[3] != 3 or video.dtype != np.uint8:
        raise UsageError(
            f"a given video has shape {video.shape} and type {video.dtype}, expected uint8 [F, H, W, 3] RGB"
        )
    if any_length and len(video) < OVERLAP_FRAMES:
        raise UsageError(f"a given video has {len(video)} frames, expected at least {OVERLAP_FRAMES} to go on from")
    if not any_length and len(video) != geometry.frames:
        raise UsageError(
            f"a given video has {len(video)} frames, the clip has {geometry.frames}: cut it, or ask for other frames"
        )


def _check_audio(audio: Waveform, geometry: ClipGeometry, frames: int) -> None:
    samples = geometry.samples_of(frames)
    if audio.shape != (samples,):
        raise UsageError(
            f"a given audio has shape {audio.shape}, expected one channel of {samples} samples at "
            f"{geometry.audio_rate_hz} Hz, as long as the clip"
        )
    if not np.isfinite(audio).all():
        raise UsageError("a given audio holds values that are not numbers, expected samples in -1..1")


def check_alike(clips: Sequence[ClipInputs]) -> None:
    """UsageError unless the clips of a batch are given the same modality or all none, and are as many pieces."""
    for name in ("video", "audio"):
        given = [getattr(clip, name) is not None for clip in clips]
        if any(given) and not all(given):
            raise UsageError(f"{name} is given for {sum(given)} of {len(clips)} clips of a batch, expected all or none")
    for name in ("only", "extend"):
        if len(values := {getattr(clip, name) for clip in clips}) > 1:
            told = " and ".join(sorted(map(str, values)))
            raise UsageError(f"{name} is {told} in one batch, expected the same for all of its clips")
    if len({clip.task.keeps for clip in clips}) > 1:
        raise UsageError("retake is asked for some clips of a batch, expected it for all or none")
