"""The network of Synchformer, its parts named as in the published weights.

Each segment is taken alone by a video tower and an audio tower; a transformer over the features of 14 segments of both
tells the offset.
Sources: arXiv:2401.16423; v-iashin/Synchformer, `configs/sync.yaml` and `model/sync_model.py`.
"""

import torch
from torch import Tensor, nn

from mova_core.measures.models.synchformer.audio_tower import AudioTower
from mova_core.measures.models.synchformer.parts import attend
from mova_core.measures.models.synchformer.sizes import Sizes
from mova_core.measures.models.synchformer.video_tower import VideoTower
from mova_core.measures.models.synchformer.windows import OFFSETS, SEGMENTS


class Synchformer(nn.Module):
    """The whole network (`adapter.OffsetNetwork`)."""

    def __init__(self, sizes: Sizes = Sizes()) -> None:
        super().__init__()
        self.vfeat_extractor = VideoTower(sizes)
        self.afeat_extractor = AudioTower(sizes)
        self.vproj = nn.Linear(sizes.width, sizes.width)
        self.aproj = nn.Linear(sizes.width, sizes.width)
        self.transformer = OffsetTransformer(sizes)

    def video_features(self, segments: Tensor) -> Tensor:
        """Features [S, 8, D] of segments [S, 16, 3, side, side]."""
        return self.vfeat_extractor(segments)

    def audio_features(self, segments: Tensor) -> Tensor:
        """Features [S, 6, D] of normalised mel spectrograms [S, 128, 66]."""
        return self.afeat_extractor(segments)

    def offset_logits(self, video: Tensor, audio: Tensor) -> Tensor:
        """Logits [B, 21] from features [B, 14, 8, D] and [B, 14, 6, D]."""
        return self.transformer(self.vproj(video).flatten(1, 2), self.aproj(audio).flatten(1, 2))


class OffsetTransformer(nn.Module):
    """A transformer over the features of both, and the class of the offset at its first token."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.width
        tokens = 2 + SEGMENTS * (sizes.video_tokens + sizes.audio_grid[1])
        self.vis_in_lnorm = nn.LayerNorm(width)
        self.aud_in_lnorm = nn.LayerNorm(width)
        self.OFF_tok = nn.Parameter(torch.zeros(1, 1, width))
        self.MOD_tok = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_emb_cfg = nn.ParameterDict({"pos_emb": nn.Parameter(torch.zeros(1, tokens, width))})
        self.blocks = nn.Sequential(*(OffsetBlock(sizes) for _ in range(sizes.sync_blocks)))
        self.ln_f = nn.LayerNorm(width)
        self.off_head = nn.Linear(width, OFFSETS)

    def forward(self, video: Tensor, audio: Tensor) -> Tensor:
        """Logits [B, 21] from features [B, 14 * 8, D] and [B, 14 * 6, D]."""
        offset, between = (token.expand(len(video), -1, -1) for token in (self.OFF_tok, self.MOD_tok))
        x = torch.cat([offset, self.vis_in_lnorm(video), between, self.aud_in_lnorm(audio)], dim=1)
        x = self.ln_f(self.blocks(x + self.pos_emb_cfg["pos_emb"]))
        return self.off_head(x[:, 0])


class OffsetBlock(nn.Module):
    """Attention and a perceptron, each on normalised input, added."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads, width = sizes.sync_heads, sizes.width
        self.ln1 = nn.LayerNorm(width)
        self.ln2 = nn.LayerNorm(width)
        self.attn = nn.ModuleDict({part: nn.Linear(width, width) for part in ("key", "query", "value", "proj")})
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """[B, L, D] to the same."""
        x = x + self.attn["proj"](attend(self.ln1(x), self.attn, self.heads))
        return x + self.mlp(self.ln2(x))
