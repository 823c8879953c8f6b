"""A batch is its samples: shared contexts and a Bridge dropped for some change nothing for the others."""

import torch

from mova_core.model.towers.bridge import BRIDGE_OFF, BRIDGE_ON, BridgeScale
from mova_core.model.towers.dual_tower import DualTower, LatentPair
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params
from mova_core.training.loss import per_bin

B = 3


def open_bridge() -> DualTower:
    """Fresh towers whose Bridge acts: at first its output is zero."""
    towers = preset_dual_tower(Params())
    generator = torch.Generator().manual_seed(1)
    for name, parameter in towers.dual_tower_bridge.named_parameters():
        if ".inner.o." in name:
            parameter.data.normal_(std=0.1, generator=generator)
    return towers


@torch.inference_mode()
def velocity(towers: DualTower, scale: BridgeScale, context: torch.Tensor, context_of_B=None) -> LatentPair:
    generator = torch.Generator().manual_seed(2)
    video, audio = torch.randn(B, 16, 3, 4, 4, generator=generator), torch.randn(B, 16, 12, generator=generator)
    timestep, condition = 1000 * torch.rand(B, 2, generator=generator), torch.randn(B, 20, 3, 4, 4, generator=generator)
    return towers(
        LatentPair(video, audio),
        timestep,
        condition,
        context,
        expert="video_dit",
        video_fps=16.0,
        bridge_scale=scale,
        context_of_B=context_of_B,
    )


def test_the_bridge_is_dropped_for_some_samples_alone():
    towers, context = open_bridge(), torch.randn(B, 8, 64)
    mixed = velocity(towers, BridgeScale(acts_B=torch.tensor([True, False, True])), context)
    on, off = velocity(towers, BRIDGE_ON, context), velocity(towers, BRIDGE_OFF, context)
    for name in ("video", "audio"):
        row = getattr(mixed, name)
        torch.testing.assert_close(row[[0, 2]], getattr(on, name)[[0, 2]])
        torch.testing.assert_close(row[1], getattr(off, name)[1])
        assert not torch.allclose(getattr(on, name)[1], getattr(off, name)[1], atol=1e-3)


def test_a_context_that_samples_share_is_as_good_as_one_each():
    towers, contexts, of_B = open_bridge(), torch.randn(2, 8, 64), torch.tensor([1, 0, 1])
    shared = velocity(towers, BRIDGE_ON, contexts, of_B)
    each = velocity(towers, BRIDGE_ON, contexts[of_B])
    torch.testing.assert_close(shared.video, each.video)
    torch.testing.assert_close(shared.audio, each.audio)


def test_losses_per_tenth_of_sigma():
    bins = per_bin(torch.tensor([1.0, 3.0, 5.0]), torch.tensor([0.01, 0.09, 1.0]))
    assert bins == [2.0, *[None] * 8, 5.0]
