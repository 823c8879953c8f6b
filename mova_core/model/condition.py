"""The video tower's condition on a first frame, or on a first and a last one: a mask, and the latents of a clip whose
other frames are grey (zeros).

Condition = 4 mask channels, then 16 latent channels; the mask's channels are the 4 pixel frames of a latent frame, the
first latent frame standing for one pixel frame four times.
Shape suffixes: B batch, C channels, N pixel frames, T latent frames, H W rows and columns (pixels or latents).
Source: Wan2.2 I2V; golden case `video_vae`.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mova_core.geometry import VIDEO_FRAMES_PER_LATENT
from mova_core.media.image import fit_image as fit_image  # a first frame on the clip's canvas

WHITE = 255


def white_image(height_px: int, width_px: int) -> NDArray[np.uint8]:
    """The null first frame of text-only generation."""
    return np.full((height_px, width_px, 3), WHITE, dtype=np.uint8)


def known_frames(first_B3HW: Tensor, frames: int, last_B3HW: Tensor | None = None) -> Tensor:
    """Pixels [B, 3, N, H, W] in -1..1 with the known frames in their places and zeros (mid-grey) elsewhere."""
    pixels = first_B3HW.new_zeros(len(first_B3HW), 3, frames, *first_B3HW.shape[2:])
    if last_B3HW is not None:
        pixels[:, :, -1] = last_B3HW
    pixels[:, :, 0] = first_B3HW
    return pixels


def condition_mask(latents_BCTHW: Tensor, last_B: Tensor | None = None) -> Tensor:
    """Mask [B, 4, T, H, W]: 1 where a pixel frame of the latent frame is known.

    Args:
        latents_BCTHW: of which it is the mask.
        last_B: bool, whether the last frame is known beside the first; None: of no clip.
    """
    batch, _, frames, height, width = latents_BCTHW.shape
    mask = latents_BCTHW.new_zeros(batch, VIDEO_FRAMES_PER_LATENT, frames, height, width)
    if last_B is not None:
        mask[:, -1, -1] = last_B.to(mask).view(-1, 1, 1)
    mask[:, :, 0] = 1
    return mask


def condition_from(latents_BCTHW: Tensor, last_B: Tensor | None = None) -> Tensor:
    """Mask and condition latents as the video tower reads them; arguments as of `condition_mask`."""
    return torch.cat([condition_mask(latents_BCTHW, last_B), latents_BCTHW], dim=1)
