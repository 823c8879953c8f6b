"""Synchformer's video tower: Motionformer with divided space-time attention, one feature per two frames.

Sources: M. Patrick et al., "Keeping Your Eye on the Ball" (arXiv:2106.05392); names of parts as in the published
weights (v-iashin/Synchformer, `model/modules/feat_extractors/visual/`).

Shape suffixes: S segments, B items, L tokens, D width, H heads, F pairs of frames, P patches of a frame.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention as attention

from mova_core.measures.models.synchformer.parts import Summary
from mova_core.measures.models.synchformer.sizes import PATCH_FRAMES, Sizes

VIDEO_EPS = 1e-6


class VideoTower(nn.Module):
    """Motionformer, with the patches of each pair of frames summed up to one feature."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.cls_token = nn.Parameter(torch.zeros(1, 1, sizes.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + sizes.frame_patches, sizes.width))
        self.temp_embed = nn.Parameter(torch.zeros(1, sizes.video_tokens, sizes.width))
        patch = (PATCH_FRAMES, sizes.patch_px, sizes.patch_px)
        self.patch_embed_3d = nn.ModuleDict({"proj": nn.Conv3d(3, sizes.width, patch, patch)})
        self.blocks = nn.ModuleList(SpaceTimeBlock(sizes) for _ in range(sizes.blocks))
        self.norm = nn.LayerNorm(sizes.width, VIDEO_EPS)
        self.spatial_attn_agg = Summary(sizes)

    def forward(self, segments: Tensor) -> Tensor:
        """Features [S, 8, D] of segments [S, 16, 3, side, side]."""
        patches = self.patch_embed_3d["proj"](segments.transpose(1, 2)).flatten(3)  # [S, D, F, P]
        place = self.pos_embed[:, None, 1:] + self.temp_embed[:, :, None]  # [1, F, P, D]
        tokens = (patches.permute(0, 2, 3, 1) + place).flatten(1, 2)
        cls = (self.cls_token + self.pos_embed[:, :1]).expand(len(segments), -1, -1)
        x = torch.cat([cls, tokens], dim=1)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x[:, 1:]).unflatten(1, (self.sizes.video_tokens, -1))
        return self.spatial_attn_agg(x.flatten(0, 1)).unflatten(0, (len(segments), -1))


class SpaceTimeBlock(nn.Module):
    """Attention of each patch over time, then over its frame, then a perceptron; each on normalised input, added."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(sizes.width, VIDEO_EPS)
        self.attn = DividedAttention(sizes, over_time=False)
        self.timeattn = DividedAttention(sizes, over_time=True)
        self.norm2 = nn.LayerNorm(sizes.width, VIDEO_EPS)
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(sizes.width, 4 * sizes.width), "fc2": nn.Linear(4 * sizes.width, sizes.width)}
        )
        self.norm3 = nn.LayerNorm(sizes.width, VIDEO_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1 + F * P, D] to the same."""
        x = x + self.timeattn(self.norm3(x))
        x = x + self.attn(self.norm1(x))
        hidden = nn.functional.gelu(self.mlp["fc1"](self.norm2(x)))
        return x + self.mlp["fc2"](hidden)


class DividedAttention(nn.Module):
    """Attention within each frame, or within each patch's course over time; the class token joins every group.

    Args:
        sizes: of the network.
        over_time: groups are the frames of one patch, not the patches of one frame.
    """

    def __init__(self, sizes: Sizes, *, over_time: bool) -> None:
        super().__init__()
        self.heads, self.frames, self.over_time = sizes.heads, sizes.video_tokens, over_time
        self.qkv = nn.Linear(sizes.width, 3 * sizes.width)
        self.proj = nn.Linear(sizes.width, sizes.width)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1 + F * P, D] to the same."""
        qkv = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # [3, B, H, L, d]
        query, key, value = qkv
        cls = attention(query[:, :, :1], key, value)  # the class token looks at all
        grouped = attention(self._groups(query[:, :, 1:]), self._with_cls(key), self._with_cls(value))
        rest = (grouped.transpose(2, 3) if self.over_time else grouped).flatten(2, 3)
        return self.proj(torch.cat([cls, rest], dim=2).transpose(1, 2).flatten(2))

    def _groups(self, tokens: Tensor) -> Tensor:
        """[B, H, F * P, d] to [B, H, groups, tokens of a group, d]."""
        by_frame = tokens.unflatten(2, (self.frames, -1))
        return by_frame.transpose(2, 3) if self.over_time else by_frame

    def _with_cls(self, tokens: Tensor) -> Tensor:
        groups = self._groups(tokens[:, :, 1:])
        cls = tokens[:, :, None, :1].expand(-1, -1, groups.shape[2], -1, -1)
        return torch.cat([cls, groups], dim=3)
