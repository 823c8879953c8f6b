"""DOVER's aesthetic branch: a ConvNeXt-T over video.

Sources: Z. Liu et al., "A ConvNet for the 2020s" (arXiv:2201.03545); names of parts and what is inflated along time as
in the published weights (VQAssessment/DOVER, `dover/models/conv_backbone.py`).

Shape suffixes: B clips, C channels, D frames, H height, W width.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

EPS = 1e-6
STEM = (2, 4, 4)
HALVES = (1, 2, 2)
TIMES = (1, 3, 1)  # frames that the blocks of a stage look at, in turn


@dataclass(frozen=True, slots=True)
class ConvNextSizes:
    """Sizes of the branch; the defaults are the published ones.

    Args:
        widths: channels of each stage.
        depths: blocks of each stage.
    """

    widths: tuple[int, int, int, int] = (96, 192, 384, 768)
    depths: tuple[int, int, int, int] = (3, 3, 9, 3)


class ConvNext3D(nn.Module):
    """The branch up to its head."""

    def __init__(self, sizes: ConvNextSizes) -> None:
        super().__init__()
        widths = sizes.widths
        stem = nn.Sequential(nn.Conv3d(3, widths[0], STEM, STEM), ChannelNorm(widths[0]))
        halvings = [
            nn.Sequential(ChannelNorm(before), nn.Conv3d(before, after, HALVES, HALVES))
            for before, after in pairwise(widths)
        ]
        self.downsample_layers = nn.ModuleList([stem, *halvings])
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(width, TIMES[number % len(TIMES)]) for number in range(depth)))
            for width, depth in zip(widths, sizes.depths, strict=True)
        )
        self.norm = nn.LayerNorm(widths[-1], EPS)

    def forward(self, clips: Tensor) -> Tensor:
        """Features [B, C, 16, 7, 7] of clips [B, 3, 32, 224, 224]."""
        x = clips
        for halve, stage in zip(self.downsample_layers, self.stages, strict=True):
            x = stage(halve(x))
        return self.norm(x.movedim(1, -1)).movedim(-1, 1)


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of [B, C, D, H, W]."""

    def __init__(self, width: int) -> None:
        super().__init__(width, EPS)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, D, H, W] to the same."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class Block(nn.Module):
    """A depthwise convolution and a perceptron, scaled channel by channel, added.

    Args:
        width: channels.
        frames: that the convolution looks at.
    """

    def __init__(self, width: int, frames: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv3d(width, width, (frames, 7, 7), padding=(frames // 2, 3, 3), groups=width)
        self.norm = nn.LayerNorm(width, EPS)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.pwconv2 = nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, D, H, W] to the same."""
        hidden = nn.functional.gelu(self.pwconv1(self.norm(self.dwconv(x).movedim(1, -1))))
        return x + (self.gamma * self.pwconv2(hidden)).movedim(-1, 1)
