"""Synchformer's audio tower: AST (audio spectrogram transformer), one feature per 10 mel frames.

transformers has AST, but its parts are named otherwise than in the published weights.
Sources: Y. Gong, Y. Chung and J. Glass, "AST" (arXiv:2104.01778); names of parts as in the published weights
(v-iashin/Synchformer, `model/modules/feat_extractors/audio/`).
"""

import torch
from torch import Tensor, nn

from mova_core.measures.models.synchformer.parts import Summary, attend
from mova_core.measures.models.synchformer.sizes import AUDIO_STRIDE, Sizes

AUDIO_EPS = 1e-12


class AudioTower(nn.Module):
    """AST, with the patches over all bands at one time summed up to one feature."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.ast = AudioSpectrogramTransformer(sizes)
        self.freq_attn_agg = Summary(sizes)

    def forward(self, segments: Tensor) -> Tensor:
        """Features [S, 6, D] of mel spectrograms [S, 128, 66]."""
        tokens = self.ast(segments).unflatten(1, self.sizes.audio_grid)  # [S, bands, times, D]
        return self.freq_attn_agg(tokens.transpose(1, 2).flatten(0, 1)).unflatten(0, (len(segments), -1))


class AudioSpectrogramTransformer(nn.Module):
    """AST over patches of a mel spectrogram, bands first."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.embeddings = PatchEmbeddings(sizes)
        self.encoder = AudioEncoder(sizes)
        self.layernorm = nn.LayerNorm(sizes.width, AUDIO_EPS)

    def forward(self, segments: Tensor) -> Tensor:
        """Patches [S, 12 * 6, D] of mel spectrograms [S, 128, 66]."""
        return self.layernorm(self.encoder(self.embeddings(segments)))[:, 2:]


class PatchEmbeddings(nn.Module):
    """A class token, a distillation token and the patches, each with its place."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        bands, times = sizes.audio_grid
        self.cls_token = nn.Parameter(torch.zeros(1, 1, sizes.width))
        self.distillation_token = nn.Parameter(torch.zeros(1, 1, sizes.width))
        self.position_embeddings = nn.Parameter(torch.zeros(1, 2 + bands * times, sizes.width))
        projection = nn.Conv2d(1, sizes.width, sizes.patch_px, AUDIO_STRIDE)
        self.patch_embeddings = nn.ModuleDict({"projection": projection})

    def forward(self, segments: Tensor) -> Tensor:
        """Tokens [S, 2 + 12 * 6, D] of mel spectrograms [S, 128, 66]."""
        patches = self.patch_embeddings["projection"](segments[:, None]).flatten(2).transpose(1, 2)
        special = torch.cat([self.cls_token, self.distillation_token], dim=1).expand(len(segments), -1, -1)
        return torch.cat([special, patches], dim=1) + self.position_embeddings


class AudioEncoder(nn.Module):
    """Blocks, one after the other."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.layer = nn.ModuleList(AudioBlock(sizes) for _ in range(sizes.blocks))

    def forward(self, x: Tensor) -> Tensor:
        """[S, L, D] to the same."""
        for block in self.layer:
            x = block(x)
        return x


class AudioBlock(nn.Module):
    """Attention and a perceptron, each on normalised input, added."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.width
        self.attention = AudioAttention(sizes)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, 4 * width)})
        self.output = nn.ModuleDict({"dense": nn.Linear(4 * width, width)})
        self.layernorm_before = nn.LayerNorm(width, AUDIO_EPS)
        self.layernorm_after = nn.LayerNorm(width, AUDIO_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """[S, L, D] to the same."""
        x = x + self.attention(self.layernorm_before(x))
        return x + self.output["dense"](nn.functional.gelu(self.intermediate["dense"](self.layernorm_after(x))))


class AudioAttention(nn.Module):
    """Self-attention over all tokens."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads, width = sizes.heads, sizes.width
        self.attention = nn.ModuleDict({part: nn.Linear(width, width) for part in ("query", "key", "value")})
        self.output = nn.ModuleDict({"dense": nn.Linear(width, width)})

    def forward(self, x: Tensor) -> Tensor:
        """[S, L, D] to the same."""
        return self.output["dense"](attend(x, self.attention, self.heads))
