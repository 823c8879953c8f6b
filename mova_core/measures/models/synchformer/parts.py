"""Parts that more than one tower of Synchformer is made of."""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from mova_core.measures.models.synchformer.sizes import Sizes

SUMMARY_EPS = 1e-6


class Summary(nn.TransformerEncoderLayer):
    """One token that sums up others: a class token after a transformer layer over it and them."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(
            sizes.width,
            sizes.heads,
            dim_feedforward=4 * sizes.width,
            dropout=0.0,
            activation=nn.GELU(),
            layer_norm_eps=SUMMARY_EPS,
            batch_first=True,
            norm_first=True,
        )
        self.cls_token = nn.Parameter(torch.zeros(1, 1, sizes.width))

    def forward(self, tokens: Tensor) -> Tensor:  # type: ignore[override]  # takes no mask
        """[B, L, D] to [B, D]."""
        return super().forward(torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], dim=1))[:, 0]


def attend(x: Tensor, parts: nn.ModuleDict, heads: int) -> Tensor:
    """Self-attention [B, L, D] before its last projection, from linear `query`, `key` and `value`."""
    query, key, value = (
        parts[part](x).unflatten(-1, (heads, -1)).transpose(1, 2) for part in ("query", "key", "value")
    )
    return scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
