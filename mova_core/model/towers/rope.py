"""Rotary positions: interleaved in the towers, half-split in the Bridge.

Shape suffixes: B batch, H heads, S sequence, D head_dim, P pairs (head_dim / 2).
The towers' angles are float64, so that far positions keep their angle, and are applied in float32, as turns that are
computed once for all blocks. The Bridge's
frequencies, positions and angles are float32, as the released tables that its weights were trained with: float64 ones
differ by up to 3.1e-5 in cos and sin at head_dim 128 and 403 positions.
Source: Su et al., arXiv:2104.09864; layouts and bases of the released checkpoints (golden cases `video_dit`, `bridge`).
"""

import torch
from torch import Tensor

from mova_core.errors import ShapeError

MAX_POSITION = {"video": 1024, "audio": 16384}  # per axis, as the released tables


def angles(positions: Tensor, width: int, theta: float) -> Tensor:
    """Angle of each position in each pair: position * theta^(-2i / width), float64 [S, width / 2]."""
    frequencies = theta ** (-torch.arange(0, width, 2, dtype=torch.float64, device=positions.device) / width)
    return positions.to(torch.float64)[:, None] * frequencies


def half_split_tables(positions: Tensor, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cos and sin of the Bridge's angles at float32 positions, for `rotate_half_split`: float32 [S, D] each."""
    frequencies = 1.0 / theta ** (torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    angles_SD = (positions.to(torch.float32)[:, None] * frequencies).repeat(1, 2)
    return angles_SD.cos(), angles_SD.sin()


def video_angles(frames: int, rows: int, columns: int, head_dim: int, theta: float) -> Tensor:
    """3-D angles of video tokens in order frame, row, column (column fastest): float64 [S, head_dim / 2].

    Raises:
        ShapeError: an axis is longer than its table, or head_dim does not split into three even parts.
    """
    for name, size in (("latent frames", frames), ("rows", rows), ("columns", columns)):
        if size > MAX_POSITION["video"]:
            raise ShapeError(f"{size} {name} of tokens, at most {MAX_POSITION['video']} have positions")
    third = head_dim // 3
    parts = (head_dim - 2 * third, third, third)
    if any(part % 2 for part in parts):
        raise ShapeError(
            f"head_dim {head_dim} splits into {parts}, each part must be even (12, 14, 20, 24, 26, 32, 128 do)"
        )
    grid = torch.meshgrid(torch.arange(frames), torch.arange(rows), torch.arange(columns), indexing="ij")
    return torch.cat([angles(axis.flatten(), part, theta) for axis, part in zip(grid, parts, strict=True)], dim=1)


def audio_angles(tokens: int, head_dim: int, theta: float) -> Tensor:
    """1-D angles of audio tokens: float64 [S, head_dim / 2].

    Raises:
        ShapeError: more tokens than the table has positions.
    """
    if tokens > MAX_POSITION["audio"]:
        raise ShapeError(f"{tokens} audio tokens, at most {MAX_POSITION['audio']} have positions")
    return angles(torch.arange(tokens), head_dim, theta)


def oobleck_angles(tokens: int, head_dim: int, theta: float) -> Tensor:
    """Angles of the older audio layout: positions on the scale of 44.1 kHz latents of 2048 samples, four a step, and
    only the first of three parts of the head turned. Not in released checkpoints; a config may still name it."""
    third = head_dim // 3
    turned = angles(torch.arange(tokens) * (4 * 2048 / 44_100), head_dim - 2 * third, theta)
    return torch.cat([turned, turned.new_zeros(tokens, third // 2 * 2)], dim=1)


def turns(angles_SP: Tensor) -> Tensor:
    """The rotation by each angle: its cosine and its sine, float32 [S, P, 2]."""
    return torch.view_as_real(torch.polar(torch.ones_like(angles_SP), angles_SP).to(torch.complex64))


def rotate_interleaved(x_BHSD: Tensor, turns_SP2: Tensor) -> Tensor:
    """Turn pairs (2i, 2i + 1), as complex numbers; same shape and dtype."""
    pairs = x_BHSD.float().unflatten(-1, (-1, 2))
    if torch.compiler.is_compiling():  # which makes no code for complex numbers
        (first, second), (cos, sin) = pairs.unbind(-1), turns_SP2.unbind(-1)
        turned = torch.stack([first * cos - second * sin, first * sin + second * cos], dim=-1)
    else:
        turned = torch.view_as_real(torch.view_as_complex(pairs) * torch.view_as_complex(turns_SP2))
    return turned.flatten(-2).to(x_BHSD.dtype)


def rotate_half_split(x_BHSD: Tensor, cos_SD: Tensor, sin_SD: Tensor) -> Tensor:
    """Turn pairs (i, i + head_dim / 2); cos and sin come in the dtype of x."""
    first, second = x_BHSD.chunk(2, dim=-1)
    return x_BHSD * cos_SD + torch.cat((-second, first), dim=-1) * sin_SD
