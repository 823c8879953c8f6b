"""Nano contexts of one fixed length: padded with zeros that are attended to, as the released 512 positions are.

So a sample's context does not depend on the others of its batch, and no mask is needed.
Shape suffixes: B batch, K tokens, W width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mova_core.model.text.nano_encoder import NanoTextEncoder
from mova_core.model.text.prompt import NANO_CONTEXT_LENGTH


def pad_context(context_KW: Tensor, length: int = NANO_CONTEXT_LENGTH) -> Tensor:
    """The context [length, W]: zeros after the last token; of a longer one the start and the end token are kept."""
    if len(context_KW) > length:
        return torch.cat([context_KW[: length - 1], context_KW[-1:]])
    return torch.nn.functional.pad(context_KW, (0, 0, 0, length - len(context_KW)))


class NanoText:
    """From prompts to padded contexts."""

    max_tokens = NANO_CONTEXT_LENGTH

    def __init__(self) -> None:
        self.encoder = NanoTextEncoder()

    def count_tokens(self, prompt: str) -> int:
        """Tokens of a prompt, the end token included."""
        return len(prompt.encode("utf-8")) + 1

    def encode(self, prompts: Sequence[str]) -> Tensor:
        """Contexts [B, NANO_CONTEXT_LENGTH, W] float32; an empty prompt is its end token and zeros."""
        return torch.stack([pad_context(self.encoder.encode(prompt)) for prompt in prompts])
