"""Weights of small models with drawn values, written as the published ones lie: every model that measures."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    ClapConfig,
    ClapFeatureExtractor,
    ClapModel,
    RobertaTokenizerFast,
    VideoMAEConfig,
    VideoMAEForVideoClassification,
)

from mova_core.measures.models.audiobox.network import Aesthetics, WavLMSizes
from mova_core.measures.models.audiobox.published import AXES, AudioboxConfig
from mova_core.measures.models.eat.network import Eat, EatSizes
from mova_core.measures.models.panns.front_end import saved_layers
from mova_core.measures.models.panns.network import Cnn14, Cnn14Sizes
from tests.mova_core.evaluation.scoring.tiny_models import dover, imagebind, synchformer, syncnet

NETWORKS = {"dover": dover, "imagebind": imagebind, "synchformer": synchformer, "syncnet": syncnet}
"""Those whose published sizes are fixed; the others' sizes are read from the weights."""
WAVLM = WavLMSizes((16,) * 7, WavLMSizes().kernels, 32, 48, layers=2, heads=4, position_kernel=16, position_groups=4)
SCALES = {axis: {"mean": 5.0, "std": 1.5} for axis in AXES}
AUDIOBOX = {"proj_num_layer": 2, "proj_ln": True, "target_transform": SCALES, "nth_layer": 3}
EAT = EatSizes(width=128, feed_forward=128, blocks=1, positions=64 * 8, classes=30)
CLAP_TEXT = {"vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
CLAP_AUDIO = {"patch_embeds_hidden_size": 8, "hidden_size": 16, "depths": [1, 1], "num_attention_heads": [2, 2]}
WORDS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "bell", "dog", "rings", "barks"]
VIDEOMAE = {"hidden_size": 384, "num_attention_heads": 6, "num_hidden_layers": 1, "intermediate_size": 8}


def write_all(folder: Path) -> dict[str, Path]:
    """Weights of each model in a folder of its own; model -> its file."""
    return {name: write(folder / name) for name, write in WRITERS.items()}


def drawn(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Values by the order of the names, small for large layers; batch norms keep the mean and variance they have."""
    return {name: _drawn(name, number, state[name]) for number, name in enumerate(sorted(state))}


def _drawn(name: str, number: int, like: torch.Tensor) -> torch.Tensor:
    if "running_" in name or not like.is_floating_point():
        return like.clone().contiguous()
    inputs = like[0].numel() if like.ndim > 1 else 4
    values = np.random.default_rng(number).normal(size=tuple(like.shape)) / np.sqrt(inputs)
    return torch.from_numpy(np.asarray(values)).float()


def _saved(folder: Path, tensors: Mapping[str, torch.Tensor]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(dict(tensors), folder / "model.safetensors", metadata={"format": "pt"})
    return folder / "model.safetensors"


def _network(name: str, folder: Path) -> Path:
    return _saved(folder, drawn(NETWORKS[name].network().state_dict()))


def _audiobox(folder: Path) -> Path:
    path = _saved(folder, drawn(Aesthetics(WAVLM, AudioboxConfig.model_validate(AUDIOBOX)).state_dict()))
    (folder / "config.json").write_text(json.dumps(AUDIOBOX))
    return path


def _panns(folder: Path) -> Path:
    layers = {name: torch.from_numpy(values) for name, values in saved_layers().items()}
    sizes = Cnn14Sizes(channels=(4, 4, 8, 8, 8, 16), classes=10)
    return _saved(folder, drawn(Cnn14(sizes).state_dict()) | layers)


def _clap(folder: Path) -> Path:
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    RobertaTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    audio: dict[str, Any] = {**CLAP_AUDIO, "num_hidden_layers": 2, "enable_fusion": False, "fusion_type": None}
    config = ClapConfig(text_config={**CLAP_TEXT, "intermediate_size": 16}, audio_config=audio, projection_dim=12)
    config.save_pretrained(folder)
    features = ClapFeatureExtractor(frequency_min=50, truncation="rand_trunc", padding="repeatpad")
    features.save_pretrained(folder)
    return _saved(folder, drawn(ClapModel(config).state_dict()))


def _videomae(folder: Path) -> Path:
    config = VideoMAEConfig(patch_size=56, use_mean_pooling=True, **VIDEOMAE)
    return _saved(folder, drawn(VideoMAEForVideoClassification(config).state_dict()))


WRITERS = {
    "audiobox": _audiobox,
    "clap": _clap,
    "eat": lambda folder: _saved(folder, drawn(Eat(EAT).state_dict())),
    "panns": _panns,
    "videomae": _videomae,
    **{name: (lambda folder, name=name: _network(name, folder)) for name in NETWORKS},
}
