"""Converts frames between bytes (uint8, colours last) and what codecs take (-1..1, colours first)."""

import torch
from torch import Tensor


def to_unit_range(frames: Tensor) -> Tensor:
    """uint8 [..., F, H, W, 3] to float32 [..., 3, F, H, W] in -1..1."""
    return frames.movedim(-1, -4).to(torch.float32).div(127.5).sub(1).contiguous()


def to_bytes(video: Tensor) -> Tensor:
    """float [..., 3, F, H, W] to uint8 [..., F, H, W, 3]; what is outside -1..1 is clipped."""
    return video.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8).movedim(-4, -1).contiguous()
