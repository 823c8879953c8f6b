"""Faults of a clip in what was generated of it: what was given, or kept, is not the model's doing."""

from collections.abc import Iterator

from mova_core.geometry import ClipGeometry
from mova_core.sampling.collapse.collapse import collapse
from mova_core.sampling.inputs import OVERLAP_FRAMES, ClipInputs, Frames, Waveform
from mova_core.sampling.retake import retaken


def judge(clip: ClipInputs, video: Frames | None, audio: Waveform | None, geometry: ClipGeometry) -> tuple[str, ...]:
    """As `collapse`; of a clip that is made in pieces each is judged by itself.

    Args:
        clip: what it was asked for.
        video: uint8 [F, H, W, 3]; None for audio alone.
        audio: float32 [S]; None for video alone.
        geometry: of what the model makes at once.
    """
    generated, rate_hz = clip.task.generated, geometry.audio_rate_hz
    video = video if "video" in generated else None
    audio = audio if "audio" in generated else None
    faults = [
        fault
        for frames, samples in _stretches(clip, geometry)
        for fault in collapse(
            None if video is None else video[frames], None if audio is None else audio[samples], rate_hz
        )
    ]
    return tuple(dict.fromkeys(faults))


def _stretches(clip: ClipInputs, geometry: ClipGeometry) -> Iterator[tuple[slice, slice]]:
    """Frames and samples that were generated together."""
    if clip.retake is not None:
        frames = retaken(clip.retake, geometry).frames
        yield slice(frames.start, frames.stop), slice(None)  # a pause may be silent, a whole clip hardly
        return
    given = clip.video is not None and bool(clip.extend)
    start = len(clip.video) if clip.video is not None and given else 0
    for piece in range(1 if given else 0, clip.extend + 1):
        end = start + geometry.frames - (OVERLAP_FRAMES if piece else 0)
        yield slice(start, end), slice(geometry.samples_of(start), geometry.samples_of(end))
        start = end
