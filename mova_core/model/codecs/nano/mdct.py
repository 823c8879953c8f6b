"""Orthonormal modified discrete cosine transform: a waveform as one row of `hop` numbers per hop, and back.

Block k stands for the samples [k hop, (k + 1) hop). At each boundary between two blocks the half hop on either side is
folded with the sine window, then each block goes through a DCT-IV: windows of 2 hops, as every MDCT. The clip's own
two ends are not folded, so L blocks hold exactly L hops of audio and the whole is one orthogonal matrix: the inverse is
exact, and an error among the coefficients has the same energy in the waveform. A block is even about its start and odd
about its end: the usual MDCT, reversed in time.
A length that is no multiple of the hop is filled with zeros at its end; the inverse cuts them off again.

Shape suffixes: B batch, S samples, L blocks, N coefficients of a block (= hop).
Source: Princen and Bradley, IEEE TASSP 34(5), 1986; folding as in Malvar, Signal Processing with Lapped Transforms.
"""

import math
from functools import cache

import torch
from torch import Tensor

from mova_core.errors import ShapeError


def mdct(samples_BS: Tensor, hop: int) -> Tensor:
    """Coefficients of a waveform.

    Args:
        samples_BS: waveform [B, S], any unit.
        hop: samples per block, even.

    Returns:
        [B, L, N] in the unit of the waveform, L = ceil(S / hop).

    Raises:
        ShapeError: not [B, S], no samples, or an odd hop.
    """
    if samples_BS.ndim != 2 or samples_BS.shape[1] == 0 or hop < 2 or hop % 2:
        raise ShapeError(f"samples are {tuple(samples_BS.shape)} at hop {hop}, expected [B, S > 0] and an even hop")
    missing = -samples_BS.shape[1] % hop
    blocks_BLN = torch.nn.functional.pad(samples_BS, (0, missing)).unflatten(1, (-1, hop))
    return _fold(blocks_BLN, direction=1) @ _dct4(hop, samples_BS.dtype)


def inverse_mdct(coefficients_BLN: Tensor, samples: int) -> Tensor:
    """Waveform [B, samples] of coefficients [B, L, N].

    Raises:
        ShapeError: not [B, L, N], or `samples` is not within the last block.
    """
    if coefficients_BLN.ndim != 3:
        raise ShapeError(f"coefficients are {tuple(coefficients_BLN.shape)}, expected [B, L, N]")
    _, length, hop = coefficients_BLN.shape
    if not (length - 1) * hop < samples <= length * hop:
        raise ShapeError(f"{length} blocks of {hop} hold no waveform of {samples} samples")
    blocks_BLN = _fold(coefficients_BLN @ _dct4(hop, coefficients_BLN.dtype), direction=-1)
    return blocks_BLN.flatten(1)[:, :samples]


def _fold(blocks_BLN: Tensor, direction: int) -> Tensor:
    """Rotate each pair of samples that mirror each other at a boundary; direction -1 undoes it."""
    hop = blocks_BLN.shape[2]
    half = hop // 2
    angle = (torch.arange(half, dtype=torch.float64) + 0.5) * math.pi / (2 * hop) + math.pi / 4
    near, far = angle.sin().to(blocks_BLN.dtype), direction * angle.cos().to(blocks_BLN.dtype)
    after = blocks_BLN[:, 1:, :half]
    before = blocks_BLN[:, :-1, half:].flip(2)
    folded = blocks_BLN.clone()
    folded[:, 1:, :half] = near * after + far * before
    folded[:, :-1, half:] = (near * before - far * after).flip(2)
    return folded


@cache
def _dct4(size: int, dtype: torch.dtype) -> Tensor:
    """DCT-IV as an orthonormal, symmetric matrix: its own inverse."""
    odd = torch.arange(size, dtype=torch.float64) + 0.5
    return (torch.cos(torch.outer(odd, odd) * math.pi / size) * math.sqrt(2 / size)).to(dtype)
