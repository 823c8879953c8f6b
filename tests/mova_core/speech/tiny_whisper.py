"""A Whisper of a few thousand weights that writes one text, whatever the audio."""

from pathlib import Path
from typing import Any

import torch

SPECIAL = [
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|zh|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
]
STAMPS = [f"<|{index * 0.02:.2f}|>" for index in range(1501)]
PROMPT = 3  # start, language, task


def write_tiny_whisper(folder: Path, *texts: tuple[float, str, float], alignment: bool = False) -> Path:
    """Save a model and its tokenizer.

    Args:
        folder: to write to.
        texts: (start, text, end) of each segment that it writes, seconds in steps of 0.02.
        alignment: whether its words have times.
    """
    from tokenizers import AddedToken
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizer,
    )

    tokenizer = WhisperTokenizer(
        vocab={each: index for index, each in enumerate(sorted(ByteLevel.alphabet()))}, merges=[]
    )
    tokenizer.add_tokens([AddedToken(each, special=True, normalized=False) for each in SPECIAL])
    tokenizer.add_tokens([AddedToken(each, special=False, normalized=False) for each in STAMPS])
    id_of: Any = tokenizer.convert_tokens_to_ids
    end, start = id_of("<|endoftext|>"), id_of("<|startoftranscript|>")
    written = []
    for begin_s, text, end_s in texts:
        spoken = tokenizer(text, add_special_tokens=False).input_ids
        written += [id_of(f"<|{begin_s:.2f}|>"), *spoken, id_of(f"<|{end_s:.2f}|>")]
    config = WhisperConfig(
        vocab_size=len(tokenizer),
        d_model=64,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=1,
        decoder_attention_heads=1,
        encoder_ffn_dim=8,
        decoder_ffn_dim=8,
        num_mel_bins=8,
        max_target_positions=128,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=start,
    )
    model = WhisperForConditionalGeneration(config)
    _say(model, [*written, end])
    generation = GenerationConfig(bos_token_id=end, eos_token_id=end, pad_token_id=end, decoder_start_token_id=start)
    more = {
        "max_length": 128,
        "is_multilingual": True,
        "lang_to_id": {"<|en|>": id_of("<|en|>"), "<|zh|>": id_of("<|zh|>")},
        "task_to_id": {"transcribe": id_of("<|transcribe|>"), "translate": id_of("<|translate|>")},
        "no_timestamps_token_id": id_of("<|notimestamps|>"),
        "prev_sot_token_id": id_of("<|startofprev|>"),
        "return_timestamps": False,
    } | ({"alignment_heads": [[0, 0]]} if alignment else {})
    for name, value in more.items():
        setattr(generation, name, value)
    model.generation_config = generation
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=8).save_pretrained(folder)
    return folder


def _say(model: Any, tokens: list[int]) -> None:
    """Weights with which the decoder's layer adds nothing, and each place asks for its own token."""
    generator = torch.Generator().manual_seed(0)
    decoder = model.model.decoder
    with torch.no_grad():
        layer = decoder.layers[0]
        for linear in (layer.self_attn.out_proj, layer.encoder_attn.out_proj, layer.fc2):
            linear.weight.zero_()
            linear.bias.zero_()
        directions = torch.randn(decoder.embed_tokens.weight.shape, generator=generator)
        decoder.embed_tokens.weight.copy_(directions / directions.norm(dim=-1, keepdim=True))
        decoder.embed_positions.weight.zero_()
        for place, token in enumerate(tokens, PROMPT - 1):
            decoder.embed_positions.weight[place] = 20 * decoder.embed_tokens.weight[token]
