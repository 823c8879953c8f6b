"""Windows of a video's features, and what attention within them is told: distances, borders, fragments.

Source: Z. Liu et al., "Video Swin Transformer" (arXiv:2106.13230); fragments: H. Wu et al., "FAST-VQA"
(arXiv:2207.02595), VQAssessment/DOVER `dover/models/swin_backbone.py`.

Shape suffixes: W windows, N places of a window. Sizes, windows and shifts are (time, height, width).
"""

from functools import cache

import torch
from torch import Tensor

Extent = tuple[int, int, int]
AXES = (1, 2, 3)  # of [B, D, H, W, C]
FORBIDDEN = -100.0  # added to attention across a border


def fitted(size: Extent, window: Extent, shift: Extent) -> tuple[Extent, Extent]:
    """A window no larger than the features, and its shift: none along an axis that it covers whole."""
    fits = tuple(min(whole, part) for whole, part in zip(size, window, strict=True))
    moved = tuple(0 if whole <= part else step for whole, part, step in zip(size, window, shift, strict=True))
    return (fits[0], fits[1], fits[2]), (moved[0], moved[1], moved[2])


def split(features: Tensor, window: Extent) -> Tensor:
    """Features [B, D, H, W, C], a multiple of the window along each axis, to windows [B * W, N, C]."""
    for axis, part in zip((1, 3, 5), window, strict=True):
        features = features.unflatten(axis, (-1, part))
    return features.permute(0, 1, 3, 5, 2, 4, 6, 7).flatten(4, 6).flatten(0, 3)


def joined(windows: Tensor, window: Extent, size: Extent) -> Tensor:
    """The inverse of `split`, to features [B, D, H, W, C] of a size."""
    counts = [whole // part for whole, part in zip(size, window, strict=True)]
    apart = windows.reshape(-1, *counts, *window, windows.shape[-1])
    return apart.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(-1, *size, windows.shape[-1])


def rolled(features: Tensor, shift: Extent, sign: int) -> Tensor:
    """Features [B, D, H, W, C] moved by a shift, those that leave come in at the other end."""
    return torch.roll(features, [sign * step for step in shift], AXES) if any(shift) else features


@cache
def relative_index(window: Extent) -> Tensor:
    """For each pair of places of a window [N, N], the number of their distance in a table of all distances."""
    grids = torch.meshgrid(*(torch.arange(part) for part in window), indexing="ij")
    places = torch.stack([grid.flatten() for grid in grids], dim=1)
    apart = places[:, None] - places[None] + torch.tensor(window) - 1
    spans = [2 * part - 1 for part in window]
    return apart @ torch.tensor([spans[1] * spans[2], spans[2], 1])


def border_mask(size: Extent, window: Extent, shift: Extent) -> Tensor:
    """What is added to attention [W, N, N] so that what was rolled in from the other end is left alone."""
    region = torch.zeros(size)
    for axis, (whole, part, step) in enumerate(zip(size, window, shift, strict=True)):
        along = torch.arange(whole)
        kind = ((along >= whole - part).long() + (along >= whole - step).long()) if step else torch.zeros(whole)
        region = 3 * region + kind.reshape([-1 if each == axis else 1 for each in range(3)])
    kinds = split(region[None, ..., None], window)[..., 0]
    return torch.where(kinds[:, None] == kinds[:, :, None], 0.0, FORBIDDEN)


def fragment_distance(size: Extent, window: Extent, shift: Extent) -> Tensor:
    """By how many fragments the places of each window lie apart, rows and columns added up, float32 [W, N, N]."""
    apart = _distance_in_frame(size[1:], window[1:], shift[1:])
    return apart.repeat(size[0] // window[0], window[0], window[0])  # whatever the time


@cache
def _distance_in_frame(size: tuple[int, int], window: tuple[int, int], shift: tuple[int, int]) -> Tensor:
    rows, columns = (torch.arange(whole) * part // whole for whole, part in zip(size, window, strict=True))
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1).float()[None, None]
    numbers = split(rolled(grid, (0, *shift), -1), (1, *window))
    return (numbers[:, None] - numbers[:, :, None]).abs().sum(dim=-1)
