"""Kernel distance (KID) between two sets of embeddings: the unbiased squared maximum mean discrepancy.

Kernel (x·y / D + 1)³ of embeddings with D dimensions. Unlike a Fréchet distance it is unbiased at any number of clips:
two sets of one distribution have 0 on average, so that a value may lie below 0. The publication takes the mean over
subsets of 1,000; all pairs of clips, as here, are what that mean estimates.
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
