"""Noise and conditions of a short nano clip."""

import torch

from mova_core.model.towers.dual_tower import LatentPair
from mova_core.sampling.conditioning.conditioning import Conditioning
from mova_core.sampling.conditioning.known import Known, KnownLatents


def noise(batch, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return LatentPair(
        torch.randn(batch, 16, 3, 4, 4, generator=generator), torch.randn(batch, 16, 32, generator=generator)
    )


def conditioning(batch, known=None):
    generator = torch.Generator().manual_seed(9)
    context, negative = torch.randn(2, batch, 6, 64, generator=generator)
    condition = torch.randn(batch, 20, 3, 4, 4, generator=generator)
    if known is None:
        return Conditioning(context, negative, condition)
    where = torch.zeros(batch, 1, 3, 1, 1, dtype=torch.bool)
    where[:, 0, 0, 0, 0] = known
    return Conditioning(context, negative, condition, Known(KnownLatents(condition[:, 4:], where)))
