"""Loudness and true peak by ITU-R BS.1770: measured in LUFS and dBTP, and set by one gain for the whole clip.

The loudness meter is pyloudnorm's. The true peak is that of the waveform between the samples, found at four times
their rate (BS.1770-4, annex 2): what a converter to analogue or to another rate meets. Unavailable is not zero: what is
too short (under one block of 0.4 s) or gated away as silence has no loudness.
"""

import numpy as np
from numpy.typing import NDArray

BLOCK_S = 0.4  # BS.1770's gating block
OVERSAMPLING = 4  # of annex 2; a peak between the new samples is at most 0.7 dB higher
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


def true_peak_dbtp(samples: NDArray[np.float32]) -> float | None:
    """True peak of mono audio at whatever rate.

    Args:
        samples: float [S], full scale 1.

    Returns:
        dB relative to full scale, or None for silence.
    """
    peak = _true_peak(samples)
    return 20 * float(np.log10(peak)) if peak > 0 else None


def normalise_loudness(
    samples: NDArray[np.float32], rate_hz: int, target_lufs: float, highest_dbtp: float | None = None
) -> NDArray[np.float32]:
    """The same audio at `target_lufs`, or as near as its peak allows; audio without a loudness is not made louder.

    One gain for the whole clip and no limiter: where target and peak cannot both be, the peak holds and the audio is
    quieter than asked for.

    Args:
        samples: float32 [S], full scale 1.
        rate_hz: samples per second.
        target_lufs: wanted integrated loudness.
        highest_dbtp: true peak that is not exceeded, in dB of full scale; None: only no sample exceeds full scale.

    Returns:
        float32 [S], no sample above 1.
    """
    lufs = integrated_lufs(samples, rate_hz)
    if lufs is None and (highest_dbtp is None or not samples.any()):
        return samples
    allowed = 1 / float(np.abs(samples).max())
    if highest_dbtp is not None:
        allowed = min(allowed, 10 ** (highest_dbtp / 20) / _true_peak(samples))
    gain = min(1.0 if lufs is None else 10 ** ((target_lufs - lufs) / 20), allowed)
    return (samples * np.float32(gain)).clip(-1, 1)


def _true_peak(samples: NDArray[np.float32]) -> float:
    if samples.size == 0:
        return 0.0
    from scipy.signal import resample_poly  # loaded where something is measured, like pyloudnorm

    between = resample_poly(samples.astype(np.float64), OVERSAMPLING, 1)
    return float(max(np.abs(between).max(), np.abs(samples).max()))
