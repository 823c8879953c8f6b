"""Nano contexts of one fixed length: padded with zeros that are attended to, as the released 512 positions are.

So a sample's context does not depend on the others of its batch, and no mask is needed.
Shape suffixes: B batch, K tokens, W width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mova_core.model.text.nano_encoder import NanoTextEncoder
from mova_core.model.text.prompt import NANO_CONTEXT_LENGTH


def pad_context(context_KW: Tensor) -> Tensor:
    """The context [NANO_CONTEXT_LENGTH, W]: zeros after the last token; a longer one keeps its start and end token."""
    if len(context_KW) > NANO_CONTEXT_LENGTH:
        return torch.cat([context_KW[: NANO_CONTEXT_LENGTH - 1], context_KW[-1:]])
    return torch.nn.functional.pad(context_KW, (0, 0, 0, NANO_CONTEXT_LENGTH - len(context_KW)))


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
