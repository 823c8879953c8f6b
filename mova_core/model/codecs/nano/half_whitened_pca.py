"""Principal components with half whitening: the linear transform of the nano codecs.

A vector x of D numbers becomes C channels: channel c is the c-th principal component divided by the square root of its
standard deviation, times one scale that the codec chooses so that its latents have unit variance as a whole. Full
whitening would make the weak channels as strong as the first, so that noise in them would do much harm to the video;
without whitening they would be lost in the model's noise.

Fitting is float64 on one thread, with each component's sign fixed, so the same clips give the same bytes.
Shape suffixes: "..." any; D numbers of a vector; C channels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from mova_core.errors import MovaError, ShapeError

FAINTEST_CHANNEL = 1e-4  # of the first channel's standard deviation; fainter ones are scaled as if they had this


@dataclass(slots=True)
class Moments:
    """Sums over the vectors seen so far, enough for their mean and covariance."""

    size: int
    count: int = 0
    sum_D: Tensor = field(init=False)
    products_DD: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.sum_D = torch.zeros(self.size, dtype=torch.float64)
        self.products_DD = torch.zeros(self.size, self.size, dtype=torch.float64)

    def add(self, vectors: Tensor) -> None:
        """Take in vectors [..., D].

        Raises:
            ShapeError: their last side is not D.
        """
        if vectors.shape[-1] != self.size:
            raise ShapeError(f"vectors are {tuple(vectors.shape)}, expected [..., {self.size}]")
        rows = vectors.reshape(-1, self.size).to(torch.float64)
        self.count += rows.shape[0]
        self.sum_D += rows.sum(0)
        self.products_DD.addmm_(rows.T, rows)


@dataclass(frozen=True, slots=True)
class HalfWhitenedPca:
    """D numbers to C channels and back, float32.

    Args:
        mean_D: what the all-zero latent stands for.
        basis_CD: orthonormal rows, strongest first.
        divisor_C: what each component is divided by.
    """

    mean_D: Tensor
    basis_CD: Tensor
    divisor_C: Tensor

    @classmethod
    def fit(cls, moments: Moments, channels: int) -> "HalfWhitenedPca":
        """The `channels` strongest components, each divided by the square root of its standard deviation.

        Raises:
            MovaError: fewer numbers than channels, or vectors that are all the same.
        """
        if not channels <= moments.size:
            raise MovaError(f"{channels} channels asked of blocks of {moments.size} numbers: lower fit_codec.channels")
        mean_D = moments.sum_D / max(moments.count, 1)
        covariance_DD = moments.products_DD / max(moments.count, 1) - torch.outer(mean_D, mean_D)
        variances, vectors = torch.linalg.eigh(covariance_DD)
        std_C = variances.flip(0)[:channels].clamp(min=0).sqrt()
        if not float(std_C[0]) > 1e-6:
            raise MovaError(
                f"all {moments.count} blocks are the same (black or silent clips): nothing to fit a codec on"
            )
        basis_CD = vectors.T.flip(0)[:channels]
        largest = basis_CD.gather(1, basis_CD.abs().argmax(1, keepdim=True))
        basis_CD = basis_CD * largest.sign()
        divisor_C = std_C.clamp(min=float(std_C[0]) * FAINTEST_CHANNEL).sqrt()
        return cls(mean_D.float(), basis_CD.float().contiguous(), divisor_C.float())

    def encode(self, vectors: Tensor) -> Tensor:
        """[..., D] to [..., C]."""
        return (vectors - self.mean_D) @ self.basis_CD.T / self.divisor_C

    def decode(self, latents: Tensor) -> Tensor:
        """[..., C] to [..., D]: the nearest vector that these channels can represent."""
        return (latents * self.divisor_C) @ self.basis_CD + self.mean_D


def with_unit_variance(parts: Sequence[tuple[HalfWhitenedPca, int]]) -> tuple[HalfWhitenedPca, ...]:
    """Freshly fitted parts of one latent, scaled alike so that all its numbers together have variance 1.

    Args:
        parts: each with the number of its vectors in a latent.
    """
    # A component of standard deviation s, divided by sqrt(s), has variance s: the divisor squared.
    total = sum(float(part.divisor_C.double().square().mean()) * weight for part, weight in parts)
    scale = math.sqrt(sum(weight for _, weight in parts) / total)
    return tuple(replace(part, divisor_C=part.divisor_C / scale) for part, _ in parts)
