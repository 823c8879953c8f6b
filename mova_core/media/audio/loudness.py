"""Loudness by ITU-R BS.1770 (pyloudnorm): measured in LUFS, and set by one gain for the whole clip.

Unavailable is not zero: what is too short (under one block of 0.4 s) or gated away as silence has no loudness.
"""

import numpy as np
from numpy.typing import NDArray

BLOCK_S = 0.4  # BS.1770's gating block
OVERSHOOT = 10 ** (3 / 20)  # lossy codecs rarely exceed full scale by more


def turned_down(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same audio, its peak brought down to full scale if it lies more than 3 dB above: a float recorder's level.

    What exceeds full scale by less is a lossy codec's overshoot at a peak that was clipped before, and stays.

    Args:
        samples: float32 [S], full scale 1.
    """
    peak = float(np.abs(samples).max(initial=0))
    return samples if peak <= OVERSHOOT else samples / np.float32(peak)


def integrated_lufs(samples: NDArray[np.float32], rate_hz: int) -> float | None:
    """Integrated loudness of mono audio.

    Args:
        samples: float [S], full scale 1.
        rate_hz: samples per second.

    Returns:
        LUFS, or None where there is nothing to measure (shorter than 0.4 s, or silent).
    """
    if samples.size < BLOCK_S * rate_hz:
        return None
    import pyloudnorm  # a second of scipy: not for stages that only have this module among their imports

    with np.errstate(divide="ignore"):  # a silent block is -inf and gated away
        lufs = float(pyloudnorm.Meter(rate_hz, block_size=BLOCK_S).integrated_loudness(samples.astype(np.float64)))
    return lufs if np.isfinite(lufs) else None


def normalise_loudness(samples: NDArray[np.float32], rate_hz: int, target_lufs: float) -> NDArray[np.float32]:
    """The same audio at `target_lufs`, or as near as full scale allows; audio without a loudness comes back as it is.

    Args:
        samples: float32 [S], full scale 1.
        rate_hz: samples per second.
        target_lufs: wanted integrated loudness.

    Returns:
        float32 [S], peak at most 1.
    """
    lufs = integrated_lufs(samples, rate_hz)
    if lufs is None:
        return samples
    gain = min(10 ** ((target_lufs - lufs) / 20), 1 / float(np.abs(samples).max()))
    return (samples * np.float32(gain)).clip(-1, 1)
