"""What clips are made from, as the towers read it: encoded prompts, condition latents, latents of what is given.

Shape suffixes: B batch, C channels, T latent frames, H W latent rows and columns, L audio latents.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from mova_core.geometry import Canvas, ClipGeometry
from mova_core.model.condition import condition_from, fit_image, known_frames, white_image
from mova_core.model.frozen import AudioCodec, Frozen, VideoCodec
from mova_core.model.pixels import to_unit_range
from mova_core.sampling.inputs import ClipInputs, Frame, Frames, Waveform
from mova_core.sampling.sampler import Conditioning
from mova_core.sampling.settings import MODALITIES, GenerateSettings


@torch.no_grad()
def encode_inputs(
    frozen: Frozen,
    clips: Sequence[ClipInputs],
    negative_prompt: str,
    settings: GenerateSettings,
    canvas: Canvas,
    device: torch.device,
) -> Conditioning:
    """Conditioning of a batch of checked clips.

    Args:
        frozen: codecs and text encoder.
        clips: which are alike, see `check_alike`.
        negative_prompt: text of the unconditional forwards, but of a modality that has its own in the settings.
        settings: length of the clips, negative prompts, and whether a given first frame is kept exactly.
        canvas: frame shape.
        device: of the result.
    """
    geometry = settings.clip_geometry
    context = frozen.text.encode([clip.prompt for clip in clips])
    video_negative, audio_negative = (settings.negative_prompt(modality, negative_prompt) for modality in MODALITIES)
    negative = frozen.text.encode([video_negative]).expand(len(clips), -1, -1)
    apart = None
    if audio_negative != video_negative:
        apart = frozen.text.encode([audio_negative]).expand(len(clips), -1, -1).to(device)
    given = torch.tensor([clip.image is not None for clip in clips])
    keep = settings.keep_first_latent and bool(given.any())
    return Conditioning(
        context.to(device),
        negative.to(device),
        _condition(frozen.video, clips, geometry.frames, canvas).to(device),
        given.to(device) if keep else None,
        _videos(frozen.video, [clip.video for clip in clips], canvas, device),
        _audios(frozen.audio, [clip.audio for clip in clips], geometry, device),
        audio_negative_context=apart,
    )


def _condition(codec: VideoCodec, clips: Sequence[ClipInputs], frames: int, canvas: Canvas) -> Tensor:
    """Mask and condition latents [B, C, T, H, W]: first frames (a white one where there is none) and last ones."""
    white = white_image(canvas.height_px, canvas.width_px)
    encoded = []
    for clip in clips:  # one at a time: a VAE's memory grows with its batch, and equal results need equal shapes
        first = _pixels(white if clip.image is None else clip.image, canvas)
        last = None if clip.last_image is None else _pixels(clip.last_image, canvas)
        encoded.append(codec.encode(known_frames(first, frames, last)))
    last_given = torch.tensor([clip.last_image is not None for clip in clips])
    return condition_from(torch.cat(encoded).float().cpu(), last_given)


def _videos(codec: VideoCodec, videos: Sequence[Frames | None], canvas: Canvas, device: torch.device) -> Tensor | None:
    """Latents [B, C, T, H, W] of given videos, cropped and scaled to the canvas."""
    fitted = [torch.from_numpy(_fitted(video, canvas)[None]) for video in videos if video is not None]
    encoded = [codec.encode(to_unit_range(video)) for video in fitted]
    return torch.cat(encoded).float().to(device) if encoded else None


def _audios(
    codec: AudioCodec, audios: Sequence[Waveform | None], geometry: ClipGeometry, device: torch.device
) -> Tensor | None:
    """Latents [B, C, L] of given audios, as many as make whole tokens."""
    encoded = [codec.encode(torch.from_numpy(audio)[None]) for audio in audios if audio is not None]
    if not encoded:
        return None
    padding = geometry.audio_tokens * geometry.audio_latents_per_token - geometry.audio_latents
    return functional.pad(torch.cat(encoded).float(), (0, padding)).to(device)


def _fitted(video: Frames, canvas: Canvas) -> Frames:
    return np.stack([fit_image(frame, canvas.height_px, canvas.width_px) for frame in video])


def _pixels(image: Frame, canvas: Canvas) -> Tensor:
    """An image on the canvas, [1, 3, H, W] in -1..1."""
    fitted = fit_image(image, canvas.height_px, canvas.width_px)
    return to_unit_range(torch.from_numpy(np.array(fitted))[None, None])[:, :, 0]
