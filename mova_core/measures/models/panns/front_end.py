"""The front end of Cnn14: log-mel of 32 kHz audio, and the copy of it that its published state dict holds.

The published network computes its log-mel by layers that were never trained: a Fourier matrix under a Hann window and
librosa's mel filters, saved with the rest. Here the log-mel comes from `mel_spectrogram`, by a fast Fourier transform,
and the saved layers are compared with it when the weights are loaded: files for another rate or band can have the same
shapes, and would give plausible nonsense.
Source: qiuqiangkong/audioset_tagging_cnn, pytorch/models.py and README.md; qiuqiangkong/torchlibrosa, stft.py.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mova_core.errors import UsageError
from mova_core.measures.mel_filters import slaney_filters
from mova_core.measures.mel_spectrogram import MelSettings, mel_decibels

if TYPE_CHECKING:
    from torch import Tensor

MEL = MelSettings(rate_hz=32_000, window=1024, hop=320, bands=64, low_hz=50.0, high_hz=14_000.0, padding="reflect")
TOLERANCE = 1e-3  # of the largest weight
BINS = MEL.window // 2 + 1
COSINE, SINE = (f"spectrogram_extractor.stft.conv_{part}.weight" for part in ("real", "imag"))
FILTERS = "logmel_extractor.melW"


def log_mel(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-mel in dB [1 + S // 320, 64] of mono audio [S] at 32 kHz, over 512 samples long."""
    return mel_decibels(audio, MEL).T


def saved_layers() -> dict[str, NDArray[np.float32]]:
    """The untrained layers, as a state dict of Cnn14 holds them."""
    sample = np.arange(MEL.window)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * sample / MEL.window)
    phase = 2 * np.pi * (np.outer(np.arange(BINS), sample) % MEL.window) / MEL.window
    filters = slaney_filters(MEL.rate_hz, MEL.window, MEL.bands, MEL.low_hz, MEL.high_hz)
    return {
        COSINE: (np.cos(phase) * hann)[:, None].astype(np.float32),
        SINE: (-np.sin(phase) * hann)[:, None].astype(np.float32),
        FILTERS: np.ascontiguousarray(filters.T),
    }


def check_saved_layers(path: Path, state_dict: Mapping[str, "Tensor"]) -> None:
    """Whether the untrained layers among loaded weights are those of this front end.

    Args:
        path: where they come from, for the message.
        state_dict: of Cnn14.

    Raises:
        UsageError: they are of another window, rate or band.
    """
    for name, expected in saved_layers().items():
        apart = np.abs(state_dict[name].numpy() - expected).max() / np.abs(expected).max()
        if not apart <= TOLERANCE:
            raise UsageError(
                f"{path} has a {name} that is {apart:.3g} of its largest weight away from the front end of Cnn14 at "
                f"{MEL.rate_hz} Hz ({MEL.bands} mel bands, {MEL.low_hz:g} to {MEL.high_hz:g} Hz): bring the weights of "
                "Cnn14_mAP=0.431"
            )
