"""The nano preset's text encoder: bytes as tokens, and a frozen table of random vectors.

Tokens are those of ByT5: each byte of the UTF-8 text plus 3 (0, 1, 2 are padding, end and unknown), then the end token.
The table is drawn once from a fixed seed; a tower projects its rows. A context runs to the last real token, without
padding. Nothing is looked for in the text: a caption that spells a special token is just those letters.
Source of the token rule: ByT5, arXiv:2105.13626, and transformers.ByT5Tokenizer.
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from mova_core.model.tensor_digest import tensor_digest

TEXT_WIDTH = 64
MAX_TOKENS = 512  # as the released text encoder; the end token is always kept
END_TOKEN = 1
BYTE_OFFSET = 3
VOCABULARY = 256 + BYTE_OFFSET
TABLE_SEED = 20_260


def tokenize(text: str) -> list[int]:
    """Token ids of a text, at most `MAX_TOKENS`."""
    letters = [byte + BYTE_OFFSET for byte in text.encode("utf-8")]
    return [*letters[: MAX_TOKENS - 1], END_TOKEN]


class NanoTextEncoder:
    """Text to a context [tokens, TEXT_WIDTH], float32, standard normal."""

    def __init__(self) -> None:
        self.table = _table()

    def encode(self, text: str) -> Tensor:
        """The context of one text; the empty text has the end token alone."""
        return self.table[torch.tensor(tokenize(text))]

    @property
    def fingerprint(self) -> str:
        """sha256 of the table."""
        return tensor_digest({"table": self.table})


@cache
def _table() -> Tensor:
    rng = np.random.default_rng(TABLE_SEED)
    return torch.from_numpy(rng.standard_normal((VOCABULARY, TEXT_WIDTH)).astype(np.float32))
