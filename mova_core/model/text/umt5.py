"""The released text path: clean the prompt, tokenise to 512 positions, encode with UMT5, zero what is padding.

The towers see all 512 positions, the zeros included: the released weights were trained so. A tokenizer keeps how the
last call padded and cut on itself, so threads take turns with it.
Source: released checkpoints (`text_encoder`, `tokenizer`), golden case `text`.
"""

from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn

from mova_core.model.execution_device import execution_device
from mova_core.model.text.prompt import CONTEXT_LENGTH, clean_prompt


class Umt5Text:
    """Tokenizer and encoder of a released checkpoint as one function from prompts to contexts."""

    def __init__(self, tokenizer: Any, encoder: nn.Module) -> None:
        self.tokenizer = tokenizer
        self.encoder = encoder
        self._turn = Lock()

    def tokenize(self, prompts: list[str]) -> Any:
        """Token ids and attention mask [B, 512] of the cleaned prompts, the end token included."""
        with self._turn:
            return self.tokenizer(
                [clean_prompt(prompt) for prompt in prompts],
                padding="max_length",
                max_length=CONTEXT_LENGTH,
                truncation=True,
                add_special_tokens=True,
                return_attention_mask=True,
                return_tensors="pt",
            )

    @property
    def max_tokens(self) -> int:
        """Tokens of the longest prompt that is read whole."""
        return CONTEXT_LENGTH

    def count_tokens(self, prompt: str) -> int:
        """Tokens of a prompt, the end token included."""
        with self._turn:
            return len(self.tokenizer(clean_prompt(prompt), add_special_tokens=True).input_ids)

    @property
    def width(self) -> int:
        """Numbers of a token's context."""
        config: Any = self.encoder.config
        return int(config.d_model)

    def encode_to_last_token(self, prompt: str) -> Tensor:
        """The context [tokens, text_dim] of one prompt without its padding, which is zeros; float32."""
        return self.encode([prompt])[0, : int(self.tokenize([prompt]).attention_mask.sum())].float()

    @torch.no_grad()
    def encode(self, prompts: list[str]) -> Tensor:
        """Contexts [B, 512, text_dim] in the encoder's dtype; an empty prompt is its end token and zeros."""
        tokens = self.tokenize(prompts)
        device = execution_device(self.encoder)
        states = self.encoder(tokens.input_ids.to(device), tokens.attention_mask.to(device)).last_hidden_state
        return states * tokens.attention_mask[..., None].to(states)
