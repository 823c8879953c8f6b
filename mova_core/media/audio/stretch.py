"""Make pieces of a mono signal a little longer or shorter: samples are read at a changed rate, pitch moves with it.

Windowed sinc interpolation (Hann, 32 taps), exact for signals below about nine tenths of the Nyquist frequency. A piece
that keeps its length stays as it is, to the bit.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

REACH = 16  # samples on either side that one new sample is made of
BLOCK = 4096  # samples made at a time: bounds the memory


class Stretcher:
    """Takes pieces in order; a piece that changes its length waits for the beginning of the next one."""

    def __init__(self) -> None:
        self._tail = np.zeros(REACH, np.float32)  # of what came before the piece that waits
        self._waiting: tuple[NDArray[np.float32], int] | None = None

    def push(self, samples: NDArray[np.float32], length: int) -> list[NDArray[np.float32]]:
        """What is complete: the piece before if it waited, and this one [S] if it keeps its length."""
        done = self._finished(samples)
        if length == len(samples):
            done.append(samples)
            self._remember(samples)
        else:
            self._waiting = samples, length
        return done

    def flush(self) -> list[NDArray[np.float32]]:
        """The piece that waits; silence follows it."""
        done = self._finished(np.zeros(0, np.float32))
        self._remember(np.zeros(REACH, np.float32))
        return done

    def _finished(self, following: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        if self._waiting is None:
            return []
        (samples, length), self._waiting = self._waiting, None
        head = following[: REACH + 1]
        line = np.concatenate([self._tail, samples, head, np.zeros(REACH + 1 - len(head), np.float32)])
        self._remember(samples)
        return [
            _interpolated(line, np.arange(first, min(first + BLOCK, length)) * (len(samples) / length))
            for first in range(0, length, BLOCK)
        ]

    def _remember(self, samples: NDArray[np.float32]) -> None:
        if len(samples) < REACH:
            samples = np.concatenate([self._tail, samples])
        self._tail = samples[-REACH:]


def _interpolated(line: NDArray[np.float32], places: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Values of a line at places between its samples, counted from its sample number `REACH`."""
    whole = np.floor(places).astype(np.int64)
    taps = np.arange(1 - REACH, REACH + 1)
    distances = (places - whole)[:, None] - taps
    kernel = np.sinc(distances) * np.cos(np.pi / 2 * distances / (REACH + 0.5)) ** 2
    kernel /= kernel.sum(axis=1, keepdims=True)
    values: NDArray[np.float32] = (line[whole[:, None] + taps + REACH] * kernel).sum(axis=1).astype(np.float32)
    return values
