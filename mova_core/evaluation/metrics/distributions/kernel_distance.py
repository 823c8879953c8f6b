"""Kernel distance (KID) between two sets of embeddings: the unbiased squared maximum mean discrepancy.

Kernel (x·y / D + 1)³ of embeddings with D dimensions. Unlike a Fréchet distance it is unbiased at any number of clips:
two sets of one distribution have 0 on average, so that a value may lie below 0.
Shape suffixes: N, M clips, D dimensions.
Source: M. Bińkowski and others, "Demystifying MMD GANs" (arXiv:1801.01401), section 4 and appendix D.
"""

import numpy as np
from numpy.typing import NDArray

from mova_core.errors import ShapeError

DEGREE, OFFSET = 3, 1.0

Matrix = NDArray[np.float64]


def kernel_distance(first_ND: NDArray[np.floating], second_MD: NDArray[np.floating]) -> float:
    """The distance over all pairs of clips; at least two clips a side.

    Raises:
        ShapeError: the dimensions differ.
    """
    first, second = first_ND.astype(np.float64), second_MD.astype(np.float64)
    return _within(_kernel(first, first)) + _within(_kernel(second, second)) - 2 * float(_kernel(first, second).mean())


def subset_kernel_distances(
    first_ND: NDArray[np.floating], second_MD: NDArray[np.floating], subset: int, subsets: int, seed: int
) -> Matrix:
    """Distances of seeded subsets of both sides, [subsets]; their mean is the estimate of the publication, which takes
    100 subsets of 1,000, and is the one to use where all pairs of clips do not fit into memory.

    Args:
        first_ND: embeddings.
        second_MD: embeddings of the other side.
        subset: clips of each side in a subset, drawn without replacement; at most N and M.
        subsets: how many.
        seed: of the draws.

    Raises:
        ShapeError: a subset is larger than a side, or the dimensions differ.
    """
    if not 2 <= subset <= min(len(first_ND), len(second_MD)):
        raise ShapeError(
            f"a subset for the kernel distance has {subset} clips: between 2 and the number of clips of the smaller "
            f"side, here {min(len(first_ND), len(second_MD))}"
        )
    generator = np.random.default_rng(seed)
    draws = [[generator.permutation(len(side))[:subset] for side in (first_ND, second_MD)] for _ in range(subsets)]
    return np.array([kernel_distance(first_ND[first], second_MD[second]) for first, second in draws])


def _kernel(first_ND: Matrix, second_MD: Matrix) -> Matrix:
    if first_ND.shape[1] != second_MD.shape[1]:
        raise ShapeError(
            f"the embeddings have {first_ND.shape[1]} and {second_MD.shape[1]} dimensions: a kernel distance needs "
            "both sets from one model"
        )
    return np.asarray((first_ND @ second_MD.T / first_ND.shape[1] + OFFSET) ** DEGREE, np.float64)


def _within(kernel_NN: Matrix) -> float:
    """Mean of the kernel over pairs of different clips."""
    clips = len(kernel_NN)
    return float(kernel_NN.sum() - np.trace(kernel_NN)) / (clips * (clips - 1))
