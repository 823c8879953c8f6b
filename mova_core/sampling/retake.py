"""Which part of a clip is made anew: an interval of seconds, rounded outward to what latents can tell apart.

Of the video that is whole latent frames (the first stands for one pixel frame, each other for 4), of the audio whole
tokens. Light: it imports no torch.
"""

from dataclasses import dataclass
from math import ceil, floor

from mova_core.errors import UsageError
from mova_core.geometry import VIDEO_FRAMES_PER_LATENT, ClipGeometry

Interval = tuple[float, float]  # seconds from the clip's start

SAME_TIME_S = 1e-6  # a time this close to a border is the border


@dataclass(frozen=True, slots=True)
class Retaken:
    """What is made anew.

    Args:
        latent_frames: of the video.
        frames: pixel frames that these stand for.
        audio_latents: of the audio, up to the end of a token: the last may reach beyond the clip.
        samples: of the audio that these stand for.
        geometry: of the clip.
    """

    latent_frames: range
    frames: range
    audio_latents: range
    samples: range
    geometry: ClipGeometry

    def __str__(self) -> str:
        fps, rate_hz = self.geometry.fps, self.geometry.audio_rate_hz
        video, audio = (
            f"{part.start / per:.3f} to {part.stop / per:.3f} s"
            for part, per in ((self.frames, fps), (self.samples, rate_hz))
        )
        return f"retaken: video {video} (frames {self.frames.start} to {self.frames.stop - 1}), audio {audio}"


def retaken(interval: Interval, geometry: ClipGeometry) -> Retaken:
    """The smallest part of a clip's latents that holds an interval.

    Raises:
        UsageError: it is empty or reversed, or not within the clip.
    """
    start_s, end_s = interval
    if not start_s < end_s:
        raise UsageError(f"retake is {start_s:g}:{end_s:g}, expected a start before the end, such as 0.5:1.25")
    if start_s < 0 or end_s > geometry.duration_s + SAME_TIME_S:
        raise UsageError(
            f"retake is {start_s:g}:{end_s:g}, expected an interval within the clip, 0 to {geometry.duration_s:.4f} s"
        )
    first, last = _outward(interval, geometry.fps, geometry.frames)
    latent_frames = range(_latent_frame(first), _latent_frame(last - 1) + 1)
    start = 0 if latent_frames.start == 0 else (latent_frames.start - 1) * VIDEO_FRAMES_PER_LATENT + 1
    token = geometry.audio_hop * geometry.audio_latents_per_token
    tokens = _outward(interval, geometry.audio_rate_hz / token, geometry.audio_tokens)
    return Retaken(
        latent_frames,
        range(start, (latent_frames.stop - 1) * VIDEO_FRAMES_PER_LATENT + 1),
        range(tokens[0] * geometry.audio_latents_per_token, tokens[1] * geometry.audio_latents_per_token),
        range(tokens[0] * token, min(tokens[1] * token, geometry.audio_samples)),
        geometry,
    )


def _outward(interval: Interval, per_s: float, count: int) -> tuple[int, int]:
    """First and past-the-last of the units that an interval touches; at least one."""
    start, end = ((time_s * per_s) for time_s in interval)
    spare = SAME_TIME_S * per_s
    first = min(floor(start + spare), count - 1)
    return first, max(first + 1, min(ceil(end - spare), count))


def _latent_frame(frame: int) -> int:
    """The latent frame that a pixel frame lies in."""
    return -(-frame // VIDEO_FRAMES_PER_LATENT)
