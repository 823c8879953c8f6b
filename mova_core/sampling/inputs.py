"""What one clip is made from, as it is asked for: text, and frames or audio that are given."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mova_core.errors import UsageError
from mova_core.geometry import ClipGeometry

Frame = NDArray[np.uint8]  # [H, W, 3] RGB
Frames = NDArray[np.uint8]  # [F, H, W, 3] RGB
Waveform = NDArray[np.float32]  # [S] in -1..1


@dataclass(frozen=True, slots=True)
class ClipInputs:
    """One clip.

    Args:
        prompt: its text.
        seed: of its noise.
        image: first frame; None: a white one, which is not kept.
        last_image: last frame, beside a first one. It guides the clip's end.
        video: given instead of generated, as many frames as the clip; the audio is made for it.
        audio: given instead of generated, as many samples as the clip, at its rate; the video is made for it.
    """

    prompt: str
    seed: int = 0
    image: Frame | None = None
    last_image: Frame | None = None
    video: Frames | None = None
    audio: Waveform | None = None

    @property
    def shown(self) -> Frame | None:
        """The frame whose shape decides between landscape and portrait."""
        return self.image if self.video is None else self.video[0]

    def check(self, geometry: ClipGeometry) -> None:
        """Refuse what leaves nothing to generate, contradicts itself, or does not fit the clip.

        Args:
            geometry: of the clip.

        Raises:
            UsageError: one sentence about the first thing that is wrong.
        """
        if self.video is not None and self.audio is not None:
            raise UsageError("video and audio are both given, expected one of them: nothing is left to generate")
        if self.video is not None and self.image is not None:
            raise UsageError(
                "image and video are both given: a given video has a first frame of its own, leave out image"
            )
        if self.last_image is not None and self.image is None:
            raise UsageError("last_image is given without image: expected a first frame wherever a last one is given")
        if self.last_image is not None and geometry.frames == 1:
            raise UsageError("last_image is given for a clip of 1 frame, which is its first: ask for 5 frames or more")
        if self.video is not None and len(self.video) != geometry.frames:
            raise UsageError(
                f"a given video has {len(self.video)} frames, the clip has {geometry.frames}: cut it, or ask for other "
                "frames"
            )
        if self.audio is not None and self.audio.shape != (geometry.audio_samples,):
            raise UsageError(
                f"a given audio has shape {self.audio.shape}, expected one channel of {geometry.audio_samples} samples "
                f"at {geometry.audio_rate_hz} Hz, as long as the clip"
            )


def check_alike(clips: Sequence[ClipInputs]) -> None:
    """UsageError unless the clips of a batch are given the same modality, or all none."""
    for name in ("video", "audio"):
        given = [getattr(clip, name) is not None for clip in clips]
        if any(given) and not all(given):
            raise UsageError(f"{name} is given for {sum(given)} of {len(clips)} clips of a batch, expected all or none")
