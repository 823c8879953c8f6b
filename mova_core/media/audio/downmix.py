"""Mix a layout's channels to mono: which channels, how loud, and with which polarity, chosen over a whole file.

Weights are those of ITU-R BS.775 (annex 4, mono from 3/2): front channels -3 dB, the centre 0 dB, surrounds -6 dB,
which is centre and surrounds at -3 dB in each side of the stereo downmix. Channels that were not audible are left out,
and so is the channel of low-frequency effects beside others; the rest is scaled to a sum of 1, so the mix is never
louder than the loudest of its channels: stereo is the mean, and a voice on one channel keeps its level.

Channels in opposite phase cancel each other in that mix (a balanced line wired to a stereo plug). So every block of 0.4
s is tried with all mixes that come into question. A mix loses a block in which two of its channels meet in opposite
phase (correlation of what is added below -0.75), or in which it leaves out a channel that no other one resembles. The
standard mix is taken unless it loses more than one block and more than 1 % of them, or all there is; then the mix that
loses the fewest. Of equal ones that is the one that leaves out the fewest channels, turns over the fewest, keeps the
most energy.
"""

from collections.abc import Sequence
from functools import reduce
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

AUDIBLE_RMS = 10 ** (-50 / 20)  # below, stage assess counts silence
EFFECTS = "LFE"  # FFmpeg's name of the channel; LFE2 is a second one

FRONT, CENTRE, SURROUND = 0.5**0.5, 1.0, 0.5
WEIGHTS = {"FC": CENTRE, "BC": FRONT, "BL": SURROUND, "BR": SURROUND, "SL": SURROUND, "SR": SURROUND}
HEIGHT = "T"  # how FFmpeg's names of channels above the listener begin: as surrounds

BLOCK_S = 0.4
OPPOSITE = -0.75
LOST_SHARE = 0.01
MOST_COMBINED = 8  # channels; of more, only the standard mix and each channel alone are tried


def standard_weights(names: Sequence[str]) -> tuple[float, ...]:
    """Weights of a layout's channels, by FFmpeg's names, that sum to 1."""
    return _scaled(_coefficients(names), np.ones(len(names)))


def mixed(samples: NDArray[np.float32], weights: Sequence[float]) -> NDArray[np.float32]:
    """The mono mix of channels [C, S], float32 [S]."""
    used = [(channel, weight) for channel, weight in zip(samples, weights, strict=True) if weight]
    loudest = max(abs(weight) for _, weight in used)
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is found and refused by its taker
        parts = [channel if weight == loudest else channel * np.float32(weight / loudest) for channel, weight in used]
        total: NDArray[np.float32] = reduce(np.add, parts)
        return total * np.float32(loudest)  # so the mean of two is their sum, halved


class MixChooser:
    """Listens to all channels of one layout, and says how to mix them.

    Args:
        names: FFmpeg's names of its channels.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._coefficients = _coefficients(names)
        self._main = np.flatnonzero(self._coefficients)
        self._grid = np.ix_(self._main, self._main)
        self._audible = np.zeros(len(names), np.bool_)
        self._candidates = _candidates(len(self._main))
        self._lost = np.zeros(len(self._candidates), np.int64)
        self._energies = np.zeros(len(self._main))
        self._blocks = 0
        self._products = np.zeros((len(self._main), len(self._main)))  # of the block so far: sums over its samples
        self._samples = 0

    @property
    def is_audible(self) -> bool:
        """Whether any channel has been."""
        return bool(self._audible.any())

    def add(self, samples: NDArray[np.float32], rate_hz: int) -> None:
        """The channels [C, S] of one decoded frame."""
        with np.errstate(invalid="ignore", over="ignore"):
            precise = samples.astype(np.float64)
            products = precise @ precise.T
            self._audible |= products.diagonal() >= AUDIBLE_RMS**2 * samples.shape[1]
            if len(self._main) > 1:
                self._products += products if len(self._main) == len(products) else products[self._grid]
        self._samples += samples.shape[1]
        if self._samples >= BLOCK_S * rate_hz:
            self._end_block()

    def weights(self) -> tuple[float, ...]:
        """Weights of all channels, 0 for one that is left out; their absolute values sum to 1."""
        self._end_block()
        chosen = np.zeros(len(self._names))
        chosen[self._main] = self._candidates[self._choice()]
        used = chosen * self._audible
        if not used.any():  # nothing but effects is audible, or nothing at all
            return (
                _scaled(np.ones(len(used)), self._audible.astype(np.float64))
                if self.is_audible
                else standard_weights(self._names)
            )
        return _scaled(self._coefficients, used)

    def _choice(self) -> int:
        lost = int(self._lost[0])
        bearable = min(max(1, LOST_SHARE * self._blocks), self._blocks - 1)
        if lost <= bearable:
            return 0
        kept = np.abs(self._candidates) @ self._energies
        preference = ((self._candidates == 0).sum(axis=1), (self._candidates < 0).sum(axis=1), -kept)
        return int(np.lexsort((*reversed(preference), self._lost))[0])

    def _end_block(self) -> None:
        if len(self._main) > 1 and self._samples and np.isfinite(self._products).all():
            energies = np.diag(self._products)
            audible = energies >= AUDIBLE_RMS**2 * self._samples
            if audible.any():
                scale = np.where(audible, np.sqrt(np.maximum(energies, 1e-30)), np.inf)
                self._lost += _loses(self._candidates, self._products / np.outer(scale, scale), audible)
                self._energies += energies
                self._blocks += 1
        self._products[:] = 0
        self._samples = 0


def _loses(
    candidates: NDArray[np.float64], correlation: NDArray[np.float64], audible: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which mixes [K, C] lose a block whose channels have this correlation [C, C], 0 for one that is not audible."""
    added = candidates[:, :, None] * candidates[:, None, :] * correlation
    cancelled = (added < OPPOSITE).any(axis=(1, 2))
    resembles = (np.abs(correlation) > -OPPOSITE)[None] & (candidates != 0)[:, None, :]
    missed = (audible & (candidates == 0) & ~resembles.any(axis=2)).any(axis=1)
    lost: NDArray[np.bool_] = cancelled | missed
    return lost


def _coefficients(names: Sequence[str]) -> NDArray[np.float64]:
    """The standard's; 0 for effects beside other channels."""
    effects = np.array([name.startswith(EFFECTS) for name in names])
    found = np.array([WEIGHTS.get(name, SURROUND if name.startswith(HEIGHT) else FRONT) for name in names])
    return found if effects.all() else found * ~effects


def _candidates(count: int) -> NDArray[np.float64]:
    """Polarities [K, count] of the mixes to be tried: 1, -1 for a channel turned over, 0 for one that is left out."""
    if count < 2:
        return np.ones((1, count))
    if count > MOST_COMBINED:
        return np.vstack([np.ones(count), np.eye(count)])
    every = range(count)
    rows = [np.ones(count)]
    for turned in range(1, count):
        rows += [np.where(np.isin(every, places), -1.0, 1.0) for places in combinations(every[1:], turned)]
    for dropped in range(1, count):
        rows += [np.where(np.isin(every, places), 0.0, 1.0) for places in combinations(every, dropped)]
    return np.stack(rows)


def _scaled(coefficients: NDArray[np.float64], used: NDArray[np.float64]) -> tuple[float, ...]:
    weights = coefficients * used
    return tuple((weights / np.abs(weights).sum()).tolist())
