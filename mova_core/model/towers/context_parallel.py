"""Context parallel (Ulysses): the processes of a group divide the tokens of every clip.

Between embedding and unpatchifying a process holds its part of the video tokens and of the audio tokens. Where tokens
attend to tokens, an all-to-all gives it all of them for a part of the heads, and another one brings back its own tokens
for all heads; attention to the text and everything else is local.
Every process of a group has the same clips and computes their whole loss. The gather's backward pass sums over the
group, so the mean gradient over all processes is the gradient of the loss, as in data parallel.
Shape suffixes: B batch, H heads, h heads of a process, S tokens, s tokens of a process, D head_dim or width.
Source: DeepSpeed Ulysses, arXiv:2309.14509.
"""

from dataclasses import dataclass

import torch
import torch.distributed._functional_collectives as collectives
import torch.nn.functional as F
from torch import Tensor
from torch.distributed import ProcessGroup

from mova_core.errors import UsageError
from mova_core.model.towers.attention import Attend


@dataclass(frozen=True, slots=True)
class ContextParallel:
    """How tokens lie over the processes of a group; `tokens` is always the number of all of them.

    Args:
        group: the processes.
    """

    group: ProcessGroup

    def sizes_of(self, tokens: int) -> list[int]:
        """Tokens of each process: the first ones take one more where they do not divide.

        Raises:
            UsageError: a process would have none.
        """
        count = self.group.size()
        if tokens < count:
            raise UsageError(
                f"{count} processes divide a clip of {tokens} tokens, each needs one at least: set "
                f"train.parallel.context to {tokens} or less, or use longer clips"
            )
        return [tokens // count + (rank < tokens % count) for rank in range(count)]

    def mine(self, x: Tensor, dim: int) -> Tensor:
        """This process's part, in memory of its own: a view would keep the whole."""
        return x.split(self.sizes_of(x.shape[dim]), dim)[self.group.rank()].clone()

    def attention(self, query_tokens: int, key_tokens: int) -> Attend:
        """Attention of this process's queries to the keys of all, for sequences of so many tokens."""

        def attend(query_BHsD: Tensor, key_BHsD: Tensor, value_BHsD: Tensor) -> Tensor:
            query = self.heads_for_tokens(query_BHsD, query_tokens)
            key, value = self.heads_for_tokens(torch.cat([key_BHsD, value_BHsD]), key_tokens).chunk(2)
            found = F.scaled_dot_product_attention(query, key, value)
            return self.tokens_for_heads(found, query_tokens, heads=query_BHsD.shape[1])

        return attend

    def heads_for_tokens(self, x_BHsD: Tensor, tokens: int) -> Tensor:
        """Give heads away for tokens: [B, h, S, D]; heads that do not divide are padded with zeros."""
        sizes, count = self.sizes_of(tokens), self.group.size()
        padded = F.pad(x_BHsD, (0, 0, 0, 0, 0, -x_BHsD.shape[1] % count))
        sent = padded.unflatten(1, (count, -1)).permute(1, 3, 0, 2, 4).flatten(0, 1).contiguous()
        here = [sizes[self.group.rank()]] * count
        got_SBhD = collectives.all_to_all_single_autograd(sent, sizes, here, self.group)
        return got_SBhD.permute(1, 2, 0, 3)

    def tokens_for_heads(self, x_BhSD: Tensor, tokens: int, heads: int) -> Tensor:
        """The way back: this process's tokens of all `heads`, [B, H, s, D]."""
        sizes, count = self.sizes_of(tokens), self.group.size()
        sent_SBhD = x_BhSD.permute(2, 0, 1, 3).contiguous()
        here = [sizes[self.group.rank()]] * count
        got = collectives.all_to_all_single_autograd(sent_SBhD, here, sizes, self.group)
        return got.unflatten(0, (count, -1)).permute(2, 0, 3, 1, 4).flatten(1, 2)[:, :heads]

    def gather_tokens(self, x_BsD: Tensor, tokens: int) -> Tensor:
        """All tokens on every process, [B, S, D]."""
        sizes = self.sizes_of(tokens)
        padded = F.pad(x_BsD, (0, 0, 0, sizes[0] - x_BsD.shape[1])).contiguous()
        parts = collectives.all_gather_single_autograd(padded, 0, self.group).chunk(len(sizes))
        return torch.cat([part[:, :size] for part, size in zip(parts, sizes, strict=True)], dim=1)
