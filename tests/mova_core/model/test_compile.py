"""Compiled blocks give what the others give, every time the same; without a compiler that is said before a step."""

import pytest
import torch

from mova_core.errors import UsageError
from mova_core.model import VideoTower
from mova_core.model.placement import compile_blocks

CONFIG = {"dim": 24, "ffn_dim": 32, "in_dim": 6, "out_dim": 4, "num_layers": 1, "num_heads": 2, "patch_size": [1, 2, 2]}
CPU = torch.device("cpu")


def test_a_compiled_tower_computes_the_same(single_thread_here):
    tower = VideoTower(**CONFIG, text_dim=10, freq_dim=16, eps=1e-6).eval()
    generator = torch.Generator().manual_seed(1)
    latent, text = torch.randn(2, 6, 3, 4, 4, generator=generator), torch.randn(2, 5, 10, generator=generator)
    with torch.no_grad():
        plain = tower(latent, torch.tensor([900.0, 20.0]), text)
        compile_blocks([tower], CPU)
        first, again = (tower(latent, torch.tensor([900.0, 20.0]), text) for _ in range(2))
    torch.testing.assert_close(first, plain, rtol=0, atol=1e-5)
    assert torch.equal(first, again)


def test_a_missing_compiler_is_told(monkeypatch):
    from torch._inductor import config

    monkeypatch.setattr(config.cpp, "cxx", ("no-such-compiler",))
    with pytest.raises(UsageError, match="no C\\+\\+ compiler"):
        compile_blocks([], CPU)


@pytest.fixture
def single_thread_here():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
