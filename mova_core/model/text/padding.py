"""Contexts of one fixed length: padded with zeros that are attended to, as the released 512 positions are.

So a sample's context does not depend on the others of its batch, and no mask is needed.
Shape suffixes: K tokens, W width.
"""

import torch
from torch import Tensor


def pad_context(context_KW: Tensor, length: int) -> Tensor:
    """The context [length, W]: zeros after the last token; of a longer one the start and the end token are kept."""
    if len(context_KW) > length:
        return torch.cat([context_KW[: length - 1], context_KW[-1:]])
    return torch.nn.functional.pad(context_KW, (0, 0, 0, length - len(context_KW)))
