"""Fréchet distance between two sets of embeddings, each taken for a Gaussian: FAD over audio, FVD over video.

distance = |m - n|² + tr S + tr T - 2 tr (S^½ T S^½)^½, for means m, n and covariances S, T; a squared length, so its
unit is that of the embedding, squared. With roots A Aᵀ = S and B Bᵀ = T the last trace is the sum of the singular
values of Aᵀ B, which needs no root of a product that is not symmetric, and holds for covariances of any rank.

Few clips bias it upwards, by about c / N for N clips, more with more dimensions: distances compare only at equal N.
Shape suffixes: N clips, D dimensions, R rank at most.
Sources: D. Dowson and B. Landau, "The Fréchet distance between multivariate normal distributions" (1982);
FID arXiv:1706.08500; FAD arXiv:1812.08466; FVD arXiv:1812.01717; its bias arXiv:1911.07023.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mova_core.errors import ShapeError

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A normal distribution.

    Args:
        mean_D: its mean.
        root_DR: a root of its covariance, which is root times its transpose.
    """

    mean_D: Matrix
    root_DR: Matrix

    @classmethod
    def of_embeddings(cls, embeddings_ND: NDArray[np.floating]) -> "Gaussian":
        """That with the mean and the (unbiased) covariance of at least two embeddings."""
        embeddings = embeddings_ND.astype(np.float64)
        clips, dimensions = embeddings.shape
        mean = embeddings.mean(axis=0)
        root = (embeddings - mean).T / np.sqrt(clips - 1)
        return cls(mean, root if clips <= dimensions else _root(root @ root.T))

    @classmethod
    def of_moments(cls, mean_D: NDArray[np.floating], covariance_DD: NDArray[np.floating]) -> "Gaussian":
        """That with this mean and covariance."""
        return cls(mean_D.astype(np.float64), _root(covariance_DD.astype(np.float64)))


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """Distance of two Gaussians, at least 0.

    Raises:
        ShapeError: their dimensions differ.
    """
    if first.mean_D.shape != second.mean_D.shape:
        raise ShapeError(
            f"the embeddings have {first.mean_D.size} and {second.mean_D.size} dimensions: a Fréchet distance needs "
            "both sets from one model"
        )
    apart = first.mean_D - second.mean_D
    overlap = np.linalg.svd(first.root_DR.T @ second.root_DR, compute_uv=False).sum()
    distance = apart @ apart + (first.root_DR**2).sum() + (second.root_DR**2).sum() - 2 * overlap
    return max(float(distance), 0.0)  # rounding can leave a little less


def _root(covariance_DD: Matrix) -> Matrix:
    """A root of a symmetric matrix, whose eigenvalues below 0 are rounding."""
    values, vectors = np.linalg.eigh(covariance_DD)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)), np.float64)
