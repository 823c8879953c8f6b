"""What a block's own channels lost, guessed from the latents around it by linear regression.

A block codec decodes each block alone and blurs what crosses its borders. The latents around a block know a part of
what it lost: the residual of each block is regressed on its neighbourhood's latents, in closed form. Encoding is
untouched. On made clips this gains 1 dB in picture and in sound.

Shape suffixes: B batch; T latent frames, h w latent pixels, L latents of sound; C channels; F features, the channels of
all neighbours; D numbers of a block.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

RIDGE = 1e-3  # against latents of unit variance: keeps weights small where clips say little


def around_pixels(latents_BThwC: Tensor) -> Tensor:
    """Each latent pixel's 3 x 3 neighbourhood in its own frame [B, T, h, w, 9 C]; the picture's edge is repeated."""
    tall = torch.cat([latents_BThwC[:, :, :1], latents_BThwC, latents_BThwC[:, :, -1:]], dim=2)
    wide = torch.cat([tall[:, :, :, :1], tall, tall[:, :, :, -1:]], dim=3)
    height, width = latents_BThwC.shape[2:4]
    return torch.cat([wide[:, :, y : y + height, x : x + width] for y in range(3) for x in range(3)], dim=4)


def around_hops(latents_BLC: Tensor) -> Tensor:
    """Each hop with the one before and after it [B, L, 3 C]; beyond the ends is the mean, zero."""
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
