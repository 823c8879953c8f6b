"""A batch may hold samples with the Bridge and without."""

import pytest
import torch

from mova_core.model.towers.bridge import BRIDGE_OFF, BridgeScale
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.model.weights.fresh import preset_dual_tower
from mova_core.params import Params

B = 3


@pytest.mark.parametrize("alone", [1, 2])
def test_the_first_samples_are_left_alone_and_the_rest_meet(alone):
    towers = preset_dual_tower(Params()).eval()
    generator = torch.Generator().manual_seed(3)
    for name, parameter in towers.dual_tower_bridge.named_parameters():
        if ".inner.o." in name:  # zero at first
            parameter.data.normal_(std=0.1, generator=generator)
    noisy = LatentPair(torch.randn(B, 16, 3, 4, 4, generator=generator), torch.randn(B, 16, 32, generator=generator))
    condition, context = torch.randn(B, 20, 3, 4, 4, generator=generator), torch.randn(B, 6, 64, generator=generator)

    def velocity(scale: BridgeScale) -> LatentPair:
        with torch.no_grad():
            return towers(
                noisy,
                torch.full((B, 2), 500.0),
                condition,
                context,
                expert="video_dit",
                video_fps=16.0,
                bridge_scale=scale,
            )

    mixed, off, on = velocity(BridgeScale(first=alone)), velocity(BRIDGE_OFF), velocity(BridgeScale())
    assert not torch.allclose(off.video, on.video, atol=1e-3)
    for modality in ("video", "audio"):
        found = getattr(mixed, modality)
        torch.testing.assert_close(found[:alone], getattr(off, modality)[:alone], rtol=0, atol=1e-5)
        torch.testing.assert_close(found[alone:], getattr(on, modality)[alone:], rtol=0, atol=1e-5)
