"""The video and audio parts of ImageBind, named as in the published weights.

Source: R. Girdhar et al., "ImageBind: One Embedding Space To Bind Them All" (CVPR 2023, arXiv:2305.05665); names,
sizes and epsilons: facebookresearch/ImageBind, `imagebind/models/`.

Shape suffixes: N items, L tokens, D width, E embedding.
"""

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor, nn

from mova_core.measures.models.imagebind.windows import MEL_BANDS, MEL_FRAMES, SIDE_PX

EPS = 1e-6
VIDEO_PATCH = (2, 14, 14)
AUDIO_PATCH, AUDIO_STRIDE = 16, 10
AUDIO_SCALE = 20.0
BATCH = 3  # crops of video at once: bounds memory


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the network; the defaults are those of `imagebind_huge`.

    Args:
        video_width: of the video tokens.
        video_heads: of attention over them.
        video_blocks: of the video trunk.
        audio_width: of the audio tokens.
        audio_heads: of attention over them.
        audio_blocks: of the audio trunk.
        embedding: of both.
    """

    video_width: int = 1280
    video_heads: int = 16
    video_blocks: int = 32
    audio_width: int = 768
    audio_heads: int = 12
    audio_blocks: int = 12
    embedding: int = 1024


class ImageBind(nn.Module):
    """Embeds video and audio."""

    def __init__(self, sizes: Sizes = Sizes()) -> None:
        super().__init__()
        video, audio = sizes.video_width, sizes.audio_width
        video_patches = (SIDE_PX // VIDEO_PATCH[1]) ** 2
        bands, times = ((size - AUDIO_PATCH) // AUDIO_STRIDE + 1 for size in (MEL_BANDS, MEL_FRAMES))
        self.modality_preprocessors = nn.ModuleDict(
            {
                "vision": Tokens(VideoStem(video), video_patches, video),
                "audio": Tokens(AudioStem(audio), bands * times, audio),
            }
        )
        self.modality_trunks = nn.ModuleDict(
            {
                "vision": Trunk(video, sizes.video_heads, sizes.video_blocks, norm_first=True, bias_kv=False),
                "audio": Trunk(audio, sizes.audio_heads, sizes.audio_blocks, norm_first=False, bias_kv=True),
            }
        )
        self.modality_heads = nn.ModuleDict(
            {"vision": _head(video, sizes.embedding), "audio": _head(audio, sizes.embedding)}
        )
        self.modality_postprocessors = nn.ModuleDict(
            {"vision": Normalize(), "audio": nn.Sequential(Normalize(), Scale(AUDIO_SCALE))}
        )

    def embed_video(self, crops: Tensor) -> Tensor:
        """The mean embedding [E] of crops [N, 3, 2, 224, 224], each of length 1."""
        return torch.cat([self._embed("vision", some) for some in crops.split(BATCH)]).mean(dim=0)

    def embed_audio(self, pieces: Tensor) -> Tensor:
        """The mean embedding [E] of filter banks [N, 1, 128, 204], each of length 20."""
        return self._embed("audio", pieces).mean(dim=0)

    def _embed(self, modality: str, items: Tensor) -> Tensor:
        tokens = self.modality_trunks[modality](self.modality_preprocessors[modality](items))
        return self.modality_postprocessors[modality](self.modality_heads[modality](tokens))


class Tokens(nn.Module):
    """A class token and patches, each with its place."""

    def __init__(self, stem: nn.Module, patches: int, width: int) -> None:
        super().__init__()
        self.rgbt_stem = stem  # so named for audio, too
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embedding_helper = nn.ParameterDict({"pos_embed": nn.Parameter(torch.zeros(1, 1 + patches, width))})

    def forward(self, items: Tensor) -> Tensor:
        """Tokens [N, 1 + patches, D] of items."""
        tokens = torch.cat([self.cls_token.expand(len(items), -1, -1), self.rgbt_stem(items)], dim=1)
        return tokens + self.pos_embedding_helper["pos_embed"]


class VideoStem(nn.Module):
    """Patches of two frames."""

    def __init__(self, width: int) -> None:
        super().__init__()
        projection = nn.Conv3d(3, width, VIDEO_PATCH, VIDEO_PATCH, bias=False)
        self.proj = nn.Sequential(nn.Identity(), projection)  # published: an image becomes two frames first

    def forward(self, crops: Tensor) -> Tensor:
        """[N, 3, 2, 224, 224] to [N, L, D]."""
        return self.proj(crops).flatten(2).transpose(1, 2)


class AudioStem(nn.Module):
    """Overlapping patches of a filter bank, normalised."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(1, width, AUDIO_PATCH, AUDIO_STRIDE, bias=False)
        self.norm_layer = nn.LayerNorm(width)

    def forward(self, pieces: Tensor) -> Tensor:
        """[N, 1, 128, 204] to [N, L, D]."""
        return self.norm_layer(self.proj(pieces).flatten(2).transpose(1, 2))


class Trunk(nn.Module):
    """A transformer.

    Args:
        width: of its tokens.
        heads: of attention.
        blocks: how many.
        norm_first: tokens are normalised before the first block.
        bias_kv: attention has a learnt key and value beside those of the tokens.
    """

    def __init__(self, width: int, heads: int, blocks: int, *, norm_first: bool, bias_kv: bool) -> None:
        super().__init__()
        self.pre_transformer_layer = nn.Sequential(nn.LayerNorm(width, EPS)) if norm_first else nn.Sequential()
        self.blocks = nn.Sequential(*(Block(width, heads, bias_kv) for _ in range(blocks)))

    def forward(self, tokens: Tensor) -> Tensor:
        """[N, L, D] to the same."""
        return self.blocks(self.pre_transformer_layer(tokens))


class Block(nn.Module):
    """Attention and a perceptron, each on normalised input, added."""

    def __init__(self, width: int, heads: int, bias_kv: bool) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads, add_bias_kv=bias_kv, batch_first=True)
        self.norm_1 = nn.LayerNorm(width, EPS)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})
        self.norm_2 = nn.LayerNorm(width, EPS)

    def forward(self, x: Tensor) -> Tensor:
        """[N, L, D] to the same."""
        normal = self.norm_1(x)
        x = x + self.attn(normal, normal, normal, need_weights=False)[0]
        return x + self.mlp["fc2"](nn.functional.gelu(self.mlp["fc1"](self.norm_2(x))))


class FirstToken(nn.Module):
    """The class token."""

    def forward(self, tokens: Tensor) -> Tensor:
        """[N, L, D] to [N, D]."""
        return tokens[:, 0]


class Normalize(nn.Module):
    """Length 1."""

    def forward(self, embeddings: Tensor) -> Tensor:
        """[N, E] to the same."""
        return nn.functional.normalize(embeddings, dim=-1)


class Scale(nn.Module):
    """A factor, kept as its logarithm."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.log_logit_scale = nn.Parameter(torch.tensor(log(scale)))

    def forward(self, embeddings: Tensor) -> Tensor:
        """[N, E] to the same."""
        return self.log_logit_scale.exp().clamp(max=100) * embeddings


def _head(width: int, embedding: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(width, EPS), FirstToken(), nn.Linear(width, embedding, bias=False))
