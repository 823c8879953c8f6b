"""Every size of a clip, derived in one place from frames, frame rate, canvas and audio rate.

A clip is counted in whole frames and whole samples, never in rounded seconds: 193 frames at 24 fps are
386,000 samples at 48 kHz. Its latents follow the released VAEs: the first frame alone, then 4 frames a latent
frame, 8 pixels a latent pixel; audio one latent a hop.
Sources: MOVA report (arXiv:2602.08794) section 1; nano sizes are this project's own (docs/curation.md).
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from mova_core.errors import ShapeError, UsageError

VIDEO_FRAMES_PER_LATENT = 4
VIDEO_PIXELS_PER_LATENT = 8
VIDEO_LATENTS_PER_TOKEN = 2  # along height and along width; one along time

Orientation = Literal["landscape", "portrait", "square"]


@dataclass(frozen=True, slots=True)
class Canvas:
    """Size of the frame a clip is padded to."""

    height_px: int
    width_px: int

    def __post_init__(self) -> None:
        step = VIDEO_PIXELS_PER_LATENT * VIDEO_LATENTS_PER_TOKEN
        if self.height_px % step or self.width_px % step or min(self.height_px, self.width_px) < step:
            raise ShapeError(
                f"canvas is {self.width_px}x{self.height_px}, both sides must be positive multiples of {step}"
            )

    @property
    def orientation(self) -> Orientation:
        if self.height_px == self.width_px:
            return "square"
        return "landscape" if self.width_px > self.height_px else "portrait"

    @property
    def latent_height(self) -> int:
        return self.height_px // VIDEO_PIXELS_PER_LATENT

    @property
    def latent_width(self) -> int:
        return self.width_px // VIDEO_PIXELS_PER_LATENT

    @property
    def tokens_per_latent_frame(self) -> int:
        return (self.latent_height // VIDEO_LATENTS_PER_TOKEN) * (self.latent_width // VIDEO_LATENTS_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class ClipGeometry:
    """One clip's length and shape.

    Args:
        name: key of `GEOMETRIES`, also the folder of its latents.
        frames: pixel frames, 4k + 1.
        fps: frames per second.
        canvases: the frames a clip may have, one per orientation.
        audio_rate_hz: samples per second, mono.
        audio_hop: samples per audio latent.
        audio_latents_per_token: audio latents the audio tower reads as one token.

    Raises:
        ShapeError: frames is not 4k + 1, or an orientation appears twice.
    """

    name: str
    frames: int
    fps: int
    canvases: tuple[Canvas, ...]
    audio_rate_hz: int
    audio_hop: int
    audio_latents_per_token: int

    def __post_init__(self) -> None:
        if self.frames < 1 or self.frames % VIDEO_FRAMES_PER_LATENT != 1:
            raise ShapeError(f"{self.name}: frames is {self.frames}, must be 4k + 1 (such as 33 or 193)")
        orientations = [canvas.orientation for canvas in self.canvases]
        if len(set(orientations)) != len(orientations) or not orientations:
            raise ShapeError(f"{self.name}: canvases are {orientations}, need at least one and no orientation twice")

    @property
    def duration(self) -> Fraction:
        """Exact length in seconds."""
        return Fraction(self.frames, self.fps)

    @property
    def duration_s(self) -> float:
        return float(self.duration)

    @property
    def audio_samples(self) -> int:
        return self.samples_of(self.frames)

    def samples_of(self, frames: int) -> int:
        """Whole samples of audio beside so many frames."""
        return self.audio_rate_hz * frames // self.fps

    @property
    def latent_frames(self) -> int:
        return (self.frames - 1) // VIDEO_FRAMES_PER_LATENT + 1

    @property
    def audio_latents(self) -> int:
        return (self.audio_samples - 1) // self.audio_hop + 1

    @property
    def audio_tokens(self) -> int:
        return -(-self.audio_latents // self.audio_latents_per_token)

    @property
    def audio_tokens_per_s(self) -> float:
        """Rate of audio tokens: the Bridge's `audio_fps`."""
        return self.audio_rate_hz / (self.audio_hop * self.audio_latents_per_token)

    def video_tokens(self, canvas: Canvas) -> int:
        return self.latent_frames * canvas.tokens_per_latent_frame

    def canvas_for(self, display_width: float, display_height: float) -> Canvas:
        """The canvas that wastes the least of itself on bars around a frame of this display size."""
        aspect = display_width / display_height

        def filled(canvas: Canvas) -> float:
            ratio = aspect * canvas.height_px / canvas.width_px
            return min(ratio, 1 / ratio)

        return max(self.canvases, key=filled)


GEOMETRIES: dict[str, ClipGeometry] = {
    geometry.name: geometry
    for geometry in (
        ClipGeometry("nano-32", 33, 16, (Canvas(32, 32),), 16_000, 320, 4),
        ClipGeometry("nano-48", 33, 16, (Canvas(48, 48),), 16_000, 320, 4),
        ClipGeometry("mova-360p", 193, 24, (Canvas(352, 640), Canvas(640, 352)), 48_000, 960, 1),
        ClipGeometry("mova-720p", 193, 24, (Canvas(720, 1280), Canvas(1280, 720)), 48_000, 960, 1),
    )
}


def geometry_named(name: str) -> ClipGeometry:
    """The geometry of that name.

    Raises:
        UsageError: no such geometry.
    """
    if name not in GEOMETRIES:
        raise UsageError(f"geometry is {name!r}, expected one of {', '.join(GEOMETRIES)}")
    return GEOMETRIES[name]
