"""Whole audio at another rate; pieces of a stream go through `media.audio_resample`."""

from math import gcd

import numpy as np
from numpy.typing import NDArray


def resample(audio: NDArray[np.float32], rate_hz: int, to_hz: int) -> NDArray[np.float32]:
    """Mono audio float32 [S] at `to_hz`, by a polyphase filter: the first sample stays the first."""
    if rate_hz == to_hz:
        return audio
    from scipy.signal import resample_poly  # takes a second to load

    common = gcd(rate_hz, to_hz)
    return resample_poly(audio, to_hz // common, rate_hz // common).astype(np.float32)
