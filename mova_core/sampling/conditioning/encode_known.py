"""Latents that clips are known to have: of first frames, of what overlaps with the clip before, of what is not retaken.

Shape suffixes: B batch, C channels, T latent frames, H W latent rows and columns, L audio latents.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor

from mova_core.geometry import VIDEO_FRAMES_PER_LATENT, ClipGeometry
from mova_core.model.frozen import AudioCodec, Frozen, VideoCodec
from mova_core.model.pixels import to_unit_range
from mova_core.sampling.conditioning.extend import known_audio_latents
from mova_core.sampling.conditioning.known import NOTHING_KNOWN, Known, KnownLatents
from mova_core.sampling.inputs import OVERLAP_FRAMES, ClipInputs, Frames, Waveform
from mova_core.sampling.retake import retaken


def encode_known(
    frozen: Frozen, clips: Sequence[ClipInputs], condition: Tensor, geometry: ClipGeometry, *, first_frames: bool
) -> Known:
    """What is known of a batch of clips that are alike.

    Args:
        frozen: codecs.
        clips: their videos on the canvas.
        condition: mask and condition latents [B, C', T, H, W].
        geometry: of the clips.
        first_frames: whether given ones are known.
    """
    keeps = clips[0].task.keeps
    if keeps == "outside":
        return _outside(frozen, clips, geometry)
    if keeps == "overlap":
        return _overlap(frozen, clips, geometry)
    given = [clip.image is not None for clip in clips]
    if not (first_frames and any(given)):
        return NOTHING_KNOWN
    where = torch.zeros(len(clips), 1, geometry.latent_frames, 1, 1, dtype=torch.bool)
    where[:, 0, 0, 0, 0] = torch.tensor(given)
    return Known(KnownLatents(condition[:, VIDEO_FRAMES_PER_LATENT:], where))


def video_latents(codec: VideoCodec, videos: Sequence[Frames | None]) -> Tensor:
    """Latents [B, C, T, H, W] of videos on the canvas, float32 on the processor."""
    pixels = [to_unit_range(torch.from_numpy(video[None])) for video in videos if video is not None]
    return torch.cat([codec.encode(video).float().cpu() for video in pixels])


def audio_latents(codec: AudioCodec, audios: Sequence[Waveform | None], geometry: ClipGeometry) -> Tensor:
    """Latents [B, C, L] of audios up to a clip long, float32 on the processor, filled with zeros to a clip's tokens."""
    latents = geometry.audio_tokens * geometry.audio_latents_per_token
    encoded = [codec.encode(torch.from_numpy(audio)[None]).float().cpu() for audio in audios if audio is not None]
    return torch.cat([functional.pad(each, (0, latents - each.shape[-1])) for each in encoded])


def _outside(frozen: Frozen, clips: Sequence[ClipInputs], geometry: ClipGeometry) -> Known:
    """All but the intervals that are retaken; what a last token has beyond the clip is not known."""
    video = video_latents(frozen.video, [clip.video for clip in clips])
    audio = audio_latents(frozen.audio, [clip.audio for clip in clips], geometry)
    anew = [retaken(clip.retake, geometry) for clip in clips if clip.retake is not None]
    frames = torch.stack([_not_in(each.latent_frames, video.shape[2]) for each in anew])
    latents = torch.stack([_not_in(each.audio_latents, audio.shape[2]) for each in anew])
    latents &= torch.arange(audio.shape[2]) < geometry.audio_latents
    return Known(KnownLatents(video, frames[:, None, :, None, None]), KnownLatents(audio, latents[:, None]))


def _overlap(frozen: Frozen, clips: Sequence[ClipInputs], geometry: ClipGeometry) -> Known:
    """The end of the clip before; of its audio the first half."""
    endings = [clip.before for clip in clips if clip.before is not None]
    shared = video_latents(frozen.video, [ending.video for ending in endings])
    video = functional.pad(shared, (0, 0, 0, 0, 0, geometry.latent_frames - shared.shape[2]))
    audio = audio_latents(frozen.audio, [ending.audio for ending in endings], geometry)
    frames = torch.arange(video.shape[2]) < -(-OVERLAP_FRAMES // VIDEO_FRAMES_PER_LATENT)
    latents = torch.arange(audio.shape[2]) < known_audio_latents(geometry)
    return Known(KnownLatents(video, frames[None, None, :, None, None]), KnownLatents(audio, latents[None, None]))


def _not_in(inside: range, count: int) -> Tensor:
    """Bool [count]: False within the range."""
    numbers = torch.arange(count)
    return (numbers < inside.start) | (numbers >= inside.stop)
