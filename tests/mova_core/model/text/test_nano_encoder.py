"""Tokens are ByT5's; a context is the table's rows, to the last real token."""

import pytest
import torch
from transformers import ByT5Tokenizer

from mova_core.model.text.nano_encoder import END_TOKEN, MAX_TOKENS, TEXT_WIDTH, NanoTextEncoder, tokenize


@pytest.mark.parametrize("text", ["A red ball bounces.", "", "Grüße, 世界 🎬", "line\nbreak\ttab"])
def test_tokens_are_those_of_byt5(text):
    assert tokenize(text) == ByT5Tokenizer()(text).input_ids


def test_a_caption_that_spells_a_special_token_is_letters():
    assert tokenize("</s>").count(END_TOKEN) == 1 and len(tokenize("</s>")) == 5


def test_a_long_text_is_cut_and_keeps_its_end():
    tokens = tokenize("x" * 5000)
    assert len(tokens) == MAX_TOKENS and tokens[-1] == END_TOKEN


def test_a_context_has_a_row_per_token_and_no_padding():
    context = NanoTextEncoder().encode("ab")
    assert context.shape == (3, TEXT_WIDTH) and context.dtype == torch.float32
    assert torch.equal(context[0], NanoTextEncoder().encode("ba")[1])


def test_the_table_is_frozen():
    # Contexts in shards and models trained on them depend on it: changing it is a decision, not an accident.
    assert NanoTextEncoder().fingerprint == "560ba5623d8afaee1316af4d039648153f78fbcca564f778fdd0e7d2af7122d7"
