"""The sigma shift: how much of the path is spent at high noise.

Source: MOVA report, arXiv:2602.08794, dual sigma shift; each modality has its own.
"""

from typing import TypeVar

from torch import Tensor

Level = TypeVar("Level", float, Tensor)


def shift_sigma(level: Level, shift: float) -> Level:
    """sigma = shift * level / (1 + (shift - 1) * level), for an unshifted level in [0, 1]; shift 1 changes nothing."""
    return shift * level / (1 + (shift - 1) * level)


def unshift_sigma(sigma: Level, shift: float) -> Level:
    """The level that `shift_sigma` takes to sigma."""
    return sigma / (shift - (shift - 1) * sigma)
