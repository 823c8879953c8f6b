"""What clips are made from, as the towers read it: encoded prompts, condition latents, latents of what is given.

Shape suffixes: B batch, C channels, T latent frames, H W latent rows and columns, L audio latents.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from mova_core.geometry import Canvas, ClipGeometry
from mova_core.model.condition import condition_from, fit_image, known_frames, white_image
from mova_core.model.frozen import Frozen, VideoCodec
from mova_core.model.pixels import to_unit_range
from mova_core.sampling.conditioning.conditioning import Conditioning
from mova_core.sampling.conditioning.encode_known import audio_latents, encode_known, video_latents
from mova_core.sampling.inputs import ClipInputs, Frame
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
    """Conditioning of a batch of checked clips, of one piece each.

    Args:
        frozen: codecs and text encoder.
        clips: which are alike, see `check_alike`; given videos are on the canvas.
        negative_prompt: text of the unconditional forwards, but of a modality that has its own in the settings.
        settings: length of the clips, negative prompts, and whether a given first frame is kept exactly.
        canvas: frame shape.
        device: of the result.
    """
    geometry, task = settings.clip_geometry, clips[0].task
    context = frozen.text.encode([clip.prompt for clip in clips])
    video_negative, audio_negative = (settings.negative_prompt(modality, negative_prompt) for modality in MODALITIES)
    negative = frozen.text.encode([video_negative]).expand(len(clips), -1, -1)
    apart = None
    if audio_negative != video_negative:
        apart = frozen.text.encode([audio_negative]).expand(len(clips), -1, -1).to(device)
    condition = _condition(frozen.video, clips, geometry, canvas)
    given = {
        "video": video_latents(frozen.video, [clip.video for clip in clips]) if task.model.video == "given" else None,
        "audio": audio_latents(frozen.audio, [clip.audio for clip in clips], geometry)
        if task.model.audio == "given"
        else None,
    }
    return Conditioning(
        context.to(device),
        negative.to(device),
        condition.to(device),
        encode_known(frozen, clips, condition, geometry, first_frames=settings.keep_first_latent),
        **{name: None if latents is None else latents.to(device) for name, latents in given.items()},
        audio_negative_context=apart,
    )


def on_canvas(clip: ClipInputs, canvas: Canvas) -> ClipInputs:
    """The clip with its given video cropped at the centre and scaled to the canvas; of that size it stays as it is."""
    if clip.video is None:
        return clip
    return replace(clip, video=np.stack([fit_image(frame, canvas.height_px, canvas.width_px) for frame in clip.video]))


def _condition(codec: VideoCodec, clips: Sequence[ClipInputs], geometry: ClipGeometry, canvas: Canvas) -> Tensor:
    """Mask and condition latents [B, C, T, H, W]: first frames (a white one where there is none) and last ones."""
    white = white_image(canvas.height_px, canvas.width_px)
    if clips[0].task.model.video == "absent":  # nothing reads it, and to encode a whole clip is dear
        latents = codec.encode(_pixels(white, canvas)[:, :, None]).float().cpu()
        return condition_from(torch.zeros_like(latents).repeat(len(clips), 1, geometry.latent_frames, 1, 1))
    encoded = []
    for clip in clips:  # one at a time: a VAE's memory grows with its batch, and equal results need equal shapes
        given = clip.first_frame(geometry)
        first = _pixels(white if given is None else given, canvas)
        last = None if clip.last_image is None else _pixels(clip.last_image, canvas)
        encoded.append(codec.encode(known_frames(first, geometry.frames, last)))
    last_given = torch.tensor([clip.last_image is not None for clip in clips])
    return condition_from(torch.cat(encoded).float().cpu(), last_given)


def _pixels(image: Frame, canvas: Canvas) -> Tensor:
    """An image on the canvas, [1, 3, H, W] in -1..1."""
    pixels = fit_image(image, canvas.height_px, canvas.width_px)
    return to_unit_range(torch.from_numpy(np.array(pixels))[None, None])[:, :, 0]
