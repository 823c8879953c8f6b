"""The network of EAT (Efficient Audio Transformer) with the head that was fine-tuned on AudioSet.

Names and shapes of its state dict are those of model.safetensors of worstchan/EAT-base_epoch30_finetune_AS2M and
EAT-large_epoch20_finetune_AS2M on Hugging Face, which the authors name for inference. No package holds the network: the
authors' code there is run from the download (trust_remote_code), which is not done here.
Source: W. Chen and others, "EAT: Self-Supervised Pre-Training with Efficient Audio Transformer" (arXiv:2401.03497);
cwx-worst-one/EAT, models/EAT_audio_classification.py, images.py and modules.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from mova_core.measures.models.weights_file import Shape

PATCH = 16  # frames and bands
HEAD_WIDTH = 64  # of attention, in both published sizes
NORM_EPS = 1e-6


@dataclass(frozen=True, slots=True)
class EatSizes:
    """What differs between networks of this kind; the defaults are those of EAT-base.

    Args:
        width: of the transformer.
        feed_forward: width between the two linear layers of a block.
        blocks: of the transformer.
        positions: patches that have a position.
        classes: of AudioSet.
    """

    width: int = 768
    feed_forward: int = 3072
    blocks: int = 12
    positions: int = 768 * 8
    classes: int = 527

    @classmethod
    def of(cls, shapes: Mapping[str, Shape]) -> "EatSizes":
        """Sizes of a state dict; where a tensor that tells them is missing, those of EAT-base."""
        blocks = {int(found[1]) for name in shapes if (found := re.match(r"model\.blocks\.(\d+)\.", name))}
        try:
            classes, width = shapes["model.head.weight"]
            feed_forward = shapes["model.blocks.0.mlp.fc1.bias"][0]
            positions = shapes["model.fixed_positional_encoder.positions"][1]
        except (KeyError, ValueError, IndexError):
            return cls()
        return cls(width, feed_forward, len(blocks), positions, classes)


# Shape suffixes: B batch, T frames, M mel bands, P patches with the class token, C width, K classes, H heads.
class Eat(nn.Module):
    """Normalised filter banks to logits of AudioSet's classes."""

    def __init__(self, sizes: EatSizes) -> None:
        super().__init__()
        self.model = EatModel(sizes)

    def forward(self, fbank_BTM: Tensor) -> Tensor:
        """Logits [B, K] of filter banks [B, T, M], T and M multiples of 16, from the class token."""
        logits_BK: Tensor = self.model.head(self.model.fc_norm(self.model.encode(fbank_BTM)[:, 0]))
        return logits_BK


class EatModel(nn.Module):
    """The encoder and its head."""

    def __init__(self, sizes: EatSizes) -> None:
        super().__init__()
        width = sizes.width
        self.local_encoder = nn.ModuleDict({"proj": nn.Conv2d(1, width, PATCH, stride=PATCH)})
        self.extra_tokens = nn.Parameter(torch.empty(1, 1, width))
        positions = nn.Parameter(torch.empty(1, sizes.positions, width))
        self.fixed_positional_encoder = nn.ParameterDict({"positions": positions})
        self.blocks = nn.ModuleList(Block(width, sizes.feed_forward) for _ in range(sizes.blocks))
        self.pre_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.fc_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.head = nn.Linear(width, sizes.classes)

    def encode(self, fbank_BTM: Tensor) -> Tensor:
        """Class token, then patches in the order of time and, within it, of bands, [B, P, C]."""
        patches_BPC = self.local_encoder["proj"](fbank_BTM[:, None]).flatten(2).transpose(1, 2)
        positions_1PC = self.fixed_positional_encoder["positions"][:, : patches_BPC.shape[1]]
        token_B1C = self.extra_tokens.expand(len(patches_BPC), -1, -1)
        x_BPC = self.pre_norm(torch.cat([token_B1C, patches_BPC + positions_1PC], dim=1))
        for block in self.blocks:
            x_BPC = block(x_BPC)
        return x_BPC


class Block(nn.Module):
    """Attention and two linear layers, each normalised after its residual sum."""

    def __init__(self, width: int, feed_forward: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.attn = Attention(width)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, feed_forward), "fc2": nn.Linear(feed_forward, width)})

    def forward(self, x_BPC: Tensor) -> Tensor:
        """Of the same shape."""
        x_BPC = self.norm1(x_BPC + self.attn(x_BPC))
        return self.norm2(x_BPC + self.mlp["fc2"](functional.gelu(self.mlp["fc1"](x_BPC))))


class Attention(nn.Module):
    """Attention among all patches, 64 channels a head."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x_BPC: Tensor) -> Tensor:
        """Of the same shape."""
        heads = max(1, x_BPC.shape[-1] // HEAD_WIDTH)
        query_BHPD, key_BHPD, value_BHPD = self.qkv(x_BPC).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        mixed_BHPD = functional.scaled_dot_product_attention(query_BHPD, key_BHPD, value_BHPD)
        return self.proj(mixed_BHPD.transpose(1, 2).flatten(2))
