"""Nano contexts as the towers see them: padded to one fixed length, as the released 512 positions are.

Shape suffixes: B batch, W width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mova_core.model.text.nano_encoder import TEXT_WIDTH, NanoTextEncoder
from mova_core.model.text.padding import pad_context
from mova_core.model.text.prompt import NANO_CONTEXT_LENGTH


class NanoText:
    """From prompts to padded contexts."""

    max_tokens = NANO_CONTEXT_LENGTH
    width = TEXT_WIDTH

    def __init__(self) -> None:
        self.encoder = NanoTextEncoder()

    def count_tokens(self, prompt: str) -> int:
        """Tokens of a prompt, the end token included."""
        return len(prompt.encode("utf-8")) + 1

    def encode(self, prompts: Sequence[str]) -> Tensor:
        """Contexts [B, NANO_CONTEXT_LENGTH, W] float32; an empty prompt is its end token and zeros."""
        return torch.stack([pad_context(self.encoder.encode(prompt), NANO_CONTEXT_LENGTH) for prompt in prompts])

    def encode_to_last_token(self, prompt: str) -> Tensor:
        """The context [tokens, W] of one prompt without its padding."""
        return self.encoder.encode(prompt)
