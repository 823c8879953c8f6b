"""The network holds the published names and shapes, loads them from a file, and gives a finite answer every time."""

import hashlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mova_core.errors import UsageError
from mova_core.measures.clip import Clip
from mova_core.measures.models.synchformer.adapter import PUBLISHED, Desync, check
from mova_core.measures.models.synchformer.network import Synchformer
from mova_core.measures.models.synchformer.sizes import Sizes
from mova_core.measures.models.weights_file import check_weights, load_network

TINY = Sizes(width=8, heads=2, blocks=1, sync_heads=2, sync_blocks=1, patch_px=56)
NAMES_SHA256 = "087851fd4be31b6feda3345e93e75ff88401b09de4a54d775cb3c995c1dadf3b"
"""Of the lines "name shape", sorted, that av-benchmark's class has (050a5cd), without `vfeat_extractor.patch_embed`."""


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    tensors = {name: torch.randn_like(tensor) / 3 for name, tensor in Synchformer(TINY).state_dict().items()}
    tensors["vfeat_extractor.patch_embed.proj.bias"] = torch.zeros(8)  # published, of no use
    save_file(tensors, tmp_path / "synchformer.safetensors")
    return tmp_path / "synchformer.safetensors"


def test_names_and_shapes_are_the_published_ones():
    with torch.device("meta"):
        state = Synchformer().state_dict()
    lines = sorted(f"{name} {list(tensor.shape)}" for name, tensor in state.items())
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == NAMES_SHA256
    assert state["transformer.pos_emb_cfg.pos_emb"].shape == (1, 1 + 14 * 8 + 1 + 14 * 6, 768)
    assert state["vfeat_extractor.patch_embed_3d.proj.weight"].shape == (768, 3, 2, 16, 16)
    assert state["afeat_extractor.ast.embeddings.position_embeddings"].shape == (1, 2 + 12 * 6, 768)


def test_a_network_from_a_file_measures_and_repeats_itself(weights):
    check_weights(weights, lambda: Synchformer(TINY), PUBLISHED)
    with pytest.raises(UsageError, match=r"has no vfeat_extractor\.blocks\.1\."):
        check(weights)  # too small to be the published one
    measure = Desync(load_network(weights, lambda: Synchformer(TINY)))
    noise = np.random.default_rng(0)
    audio = noise.normal(0, 0.1, 5 * 16_000).astype(np.float32)
    clip = Clip(noise.integers(0, 255, (125, 36, 64, 3)).astype(np.uint8), audio, 25.0, 16_000)
    assert measure(clip) == measure(clip)
    assert 0 <= measure(clip)["desync_s"] <= 2
