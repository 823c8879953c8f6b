"""The network holds the published names and shapes of video and audio, and takes them from the whole file."""

import hashlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mova_core.errors import UsageError
from mova_core.measures.clip import Clip
from mova_core.measures.models.imagebind.adapter import PUBLISHED, ImageBindScore, check
from mova_core.measures.models.imagebind.network import ImageBind, Sizes
from mova_core.measures.models.weights_file import check_weights, load_network

TINY = Sizes(video_width=8, video_heads=2, video_blocks=1, audio_width=8, audio_heads=2, audio_blocks=1, embedding=6)
NAMES_SHA256 = "c6ce283c0b2d913a9a599cecd49a8ffbeb63ee14f980fde47b9e2782004f7c6b"
"""Of the lines "name shape", sorted, of video and audio in facebookresearch/ImageBind's `imagebind_huge()`, 53680b0."""


def tiny():
    return ImageBind(TINY)


@pytest.fixture
def tensors():
    torch.manual_seed(0)
    return {name: torch.randn_like(each) / 3 for name, each in tiny().state_dict().items()}


def written(folder, tensors):
    save_file(tensors, folder / "imagebind.safetensors")
    return folder / "imagebind.safetensors"


def test_names_and_shapes_are_the_published_ones():
    with torch.device("meta"):
        state = ImageBind().state_dict()
    lines = sorted(f"{name} {list(each.shape)}" for name, each in state.items())
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == NAMES_SHA256
    assert state["modality_preprocessors.vision.rgbt_stem.proj.1.weight"].shape == (1280, 3, 2, 14, 14)
    assert state["modality_preprocessors.audio.pos_embedding_helper.pos_embed"].shape == (1, 1 + 12 * 19, 768)
    assert state["modality_trunks.audio.blocks.11.attn.bias_k"].shape == (1, 1, 768)
    assert state["modality_heads.vision.2.weight"].shape == (1024, 1280)


def test_other_modalities_may_be_in_the_file_and_nothing_else(tensors, tmp_path):
    text = {"modality_trunks.text.blocks.0.norm_1.weight": torch.zeros(3)}
    check_weights(written(tmp_path, {**tensors, **text}), tiny, PUBLISHED)
    with pytest.raises(UsageError, match=r"unknown modality_trunks\.smell\.weight"):
        check_weights(written(tmp_path, {**tensors, "modality_trunks.smell.weight": torch.zeros(3)}), tiny, PUBLISHED)
    with pytest.raises(UsageError, match=r"weights\.imagebind\.path .* has no modality_trunks"):
        check(written(tmp_path, tensors))  # too few blocks to be the published one


def test_a_network_from_a_file_measures_and_repeats_itself(tensors, tmp_path):
    measure = ImageBindScore(load_network(written(tmp_path, tensors), tiny))
    noise = np.random.default_rng(0)
    frames = noise.integers(0, 255, (50, 30, 40, 3)).astype(np.uint8)
    clip = Clip(frames, noise.normal(0, 0.1, 96_000).astype(np.float32), 25.0, 48_000)
    assert measure(clip) == measure(clip)
    assert -1 <= measure(clip)["imagebind"] <= 1
    video = measure.embed_video(clip.frames, clip.fps)
    assert video.shape == (6,) and video.dtype == np.float32 and np.linalg.norm(video) <= 1 + 1e-5
