"""The mel spectrogram of a clip as an image: time to the right, frequency upwards, brighter is louder."""

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.mel_spectrogram import FLOOR_POWER, RANGE_DB, mel_spectrogram_db

BANDS, COLUMNS = 64, 320  # of the image
WINDOW_S = 0.032  # at least; a long clip's windows touch each other
COLOURS = "magma"  # brightness rises evenly along it, so it reads without colour
SILENT_DB = 10 * np.log10(FLOOR_POWER) + 10


def spectrogram_image(audio: NDArray[np.float32], rate_hz: int) -> NDArray[np.uint8] | None:
    """Draw a clip.

    Args:
        audio: mono float32 [S].
        rate_hz: samples per second.

    Returns:
        RGB uint8 [BANDS, about COLUMNS, 3], the loudest 80 dB of it; None without samples.
    """
    from matplotlib import colormaps

    if not len(audio):
        return None
    hop = max(1, len(audio) // COLUMNS)
    window = max(2 * round(WINDOW_S * rate_hz / 2), 2 * ((hop + 1) // 2))
    decibels = mel_spectrogram_db(np.nan_to_num(audio), rate_hz, window, hop, BANDS)
    loudest = float(decibels.max())
    level = np.zeros_like(decibels) if loudest <= SILENT_DB else (decibels - loudest + RANGE_DB) / RANGE_DB
    image: NDArray[np.uint8] = (colormaps[COLOURS](np.clip(level[::-1], 0, 1))[..., :3] * 255).astype(np.uint8)
    return image
