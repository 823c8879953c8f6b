"""DOVER's technical branch: a Swin-T over video whose biases tell places of one fragment from those of two.

Sources: arXiv:2106.13230; arXiv:2207.02595 (gated relative position biases); names of parts as in the published
weights (VQAssessment/DOVER, `dover/models/swin_backbone.py`).

Shape suffixes: B clips, D frames, H height, W width, C channels; N places of a window.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from mova_core.measures.models.dover.shifted_windows import (
    Extent,
    border_mask,
    fitted,
    fragment_distance,
    joined,
    relative_index,
    rolled,
    split,
)

PATCH = (2, 4, 4)
WINDOW: Extent = (8, 7, 7)
HALF: Extent = (4, 3, 3)


@dataclass(frozen=True, slots=True)
class SwinSizes:
    """Sizes of the branch; the defaults are the published ones.

    Args:
        width: channels of the first stage; each stage doubles them.
        depths: blocks of each stage.
        heads: of attention in each stage.
    """

    width: int = 96
    depths: tuple[int, int, int, int] = (2, 2, 6, 2)
    heads: tuple[int, int, int, int] = (3, 6, 12, 24)


class SwinTransformer3D(nn.Module):
    """The branch up to its head."""

    def __init__(self, sizes: SwinSizes) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(sizes.width)
        widths = [sizes.width * 2**number for number in range(4)]
        last = len(widths) - 1
        self.layers = nn.ModuleList(
            Stage(width, depth, heads, fragments=number < last, halves=number < last)
            for number, (width, depth, heads) in enumerate(zip(widths, sizes.depths, sizes.heads, strict=True))
        )
        self.norm = nn.LayerNorm(widths[-1])

    def forward(self, clips: Tensor) -> Tensor:
        """Features [B, C, 16, 7, 7] of clips [B, 3, 32, 224, 224], one clip after the other: bounds memory."""
        return torch.cat([self._features(clip) for clip in clips.split(1)]).movedim(-1, 1)

    def _features(self, clip: Tensor) -> Tensor:
        x = self.patch_embed(clip)
        for stage in self.layers:
            x = stage(x)
        return self.norm(x)


class PatchEmbed(nn.Module):
    """Patches of two frames, normalised."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv3d(3, width, PATCH, PATCH)
        self.norm = nn.LayerNorm(width)

    def forward(self, clip: Tensor) -> Tensor:
        """[B, 3, D, H, W] to [B, D / 2, H / 4, W / 4, C]."""
        return self.norm(self.proj(clip).movedim(1, -1))


class Stage(nn.Module):
    """Blocks whose windows are moved by half of their size at every other one, then half the height and width.

    Args:
        width: channels.
        depth: blocks.
        heads: of attention.
        fragments: blocks have biases of their own within fragments.
        halves: height and width are halved after them.
    """

    def __init__(self, width: int, depth: int, heads: int, *, fragments: bool, halves: bool) -> None:
        super().__init__()
        shifts = [HALF if number % 2 else (0, 0, 0) for number in range(depth)]
        self.blocks = nn.ModuleList(Block(width, heads, shift, fragments=fragments) for shift in shifts)
        self.downsample = PatchMerging(width) if halves else None

    def forward(self, x: Tensor) -> Tensor:
        """[B, D, H, W, C] to [B, D, H / 2, W / 2, 2 C], or to the same."""
        for block in self.blocks:
            x = block(x)
        return x if self.downsample is None else self.downsample(x)


class PatchMerging(nn.Module):
    """Each 2 x 2 places become one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)
        self.norm = nn.LayerNorm(4 * width)

    def forward(self, x: Tensor) -> Tensor:
        """[B, D, H, W, C] to [B, D, H / 2, W / 2, 2 C]."""
        corners = [x[:, :, row::2, column::2] for column in range(2) for row in range(2)]
        return self.reduction(self.norm(torch.cat(corners, dim=-1)))


class Block(nn.Module):
    """Attention within windows and a perceptron, each on normalised input, added."""

    def __init__(self, width: int, heads: int, shift: Extent, *, fragments: bool) -> None:
        super().__init__()
        self.shift = shift
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, heads, fragments=fragments)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor) -> Tensor:
        """[1, D, H, W, C] to the same."""
        size: Extent = (x.shape[1], x.shape[2], x.shape[3])
        window, shift = fitted(size, WINDOW, self.shift)
        windows = split(rolled(self.norm1(x), shift, -1), window)
        attended = joined(self.attn(windows, size, window, shift), window, size)
        x = x + rolled(attended, shift, 1)
        return x + self.mlp["fc2"](nn.functional.gelu(self.mlp["fc1"](self.norm2(x))))


class WindowAttention(nn.Module):
    """Self-attention within windows, with a learnt bias for each distance between two places.

    Args:
        width: channels.
        heads: of attention.
        fragments: there is a second bias, for places of one fragment; the first counts as often as they lie apart.
    """

    def __init__(self, width: int, heads: int, *, fragments: bool) -> None:
        super().__init__()
        self.heads = heads
        distances = (2 * WINDOW[0] - 1) * (2 * WINDOW[1] - 1) * (2 * WINDOW[2] - 1)
        self.relative_position_bias_table = nn.Parameter(torch.zeros(distances, heads))
        self.fragment_position_bias_table = nn.Parameter(torch.zeros(distances, heads)) if fragments else None
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, windows: Tensor, size: Extent, window: Extent, shift: Extent) -> Tensor:
        """Windows [W, N, C] of one clip to the same.

        Args:
            windows: of the clip's features.
            size: of these.
            window: its size.
            shift: by which they were moved.
        """
        query, key, value = self.qkv(windows).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        bias = self._bias(size, window, shift)
        if any(shift):
            bias = bias + border_mask(size, window, shift)[:, None]
        attended = scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return self.proj(attended.transpose(1, 2).flatten(2))

    def _bias(self, size: Extent, window: Extent, shift: Extent) -> Tensor:
        """What is added to attention, [W, heads, N, N] or [1, heads, N, N]."""
        places = window[0] * window[1] * window[2]
        index = relative_index(WINDOW)[:places, :places]  # a shorter window has the first places of a full one
        apart = self.relative_position_bias_table[index].permute(2, 0, 1)[None]
        if self.fragment_position_bias_table is None:
            return apart
        together = self.fragment_position_bias_table[index].permute(2, 0, 1)[None]
        distance = fragment_distance(size, window, shift)[:, None]
        return apart * distance + together * (1 - distance)
