"""The bound by FLOPs: a step with the Bridge's own guidance has one forward more, and that one without the Bridge."""

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.sampler.nano import BRIDGE_SCALE, TEXT_ONLY, made_start, open_nano_towers, step_flops
from mova_core.model.towers.bridge import BRIDGE_OFF, BRIDGE_ON, BridgeScale
from mova_core.model.towers.dual_tower import DualTower


def forward_flops(towers: DualTower, scale: BridgeScale) -> int:
    noise, conditioning = made_start(1)
    options = {"expert": "video_dit", "video_fps": 16.0, "bridge_scale": scale}
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        towers(noise, torch.ones(1, 2), conditioning.condition, conditioning.context, **options)
    return counter.get_total_flops()


def test_flops_of_a_step():
    towers = open_nano_towers()
    on, off = forward_flops(towers, BRIDGE_ON), forward_flops(towers, BRIDGE_OFF)
    assert step_flops(towers, TEXT_ONLY) == 2 * on
    assert step_flops(towers, BRIDGE_SCALE) == 2 * on + off
    assert off < on


def test_attention_is_counted():
    """Twice two products of [positions, width] by [width, positions], over all heads."""
    query = torch.randn(1, 3, 10, 32)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        nn.functional.scaled_dot_product_attention(query, query, query)
    assert counter.get_total_flops() == pytest.approx(2 * 2 * 3 * 10 * 10 * 32)
