"""Kaldi's log mel filter banks, which audio transformers were trained on (AST, and after it EAT and ImageBind).

Conventions of their training: frames of 25 ms every 10 ms that lie wholly in the signal, each without its mean,
pre-emphasised by 0.97, under a symmetric Hann window, padded with zeros to a power of two; natural logarithm of power;
no dither.
The values are those of torchaudio's `compliance.kaldi.fbank` within float32; torchaudio itself is no dependency.
Sources: the Kaldi toolkit, feat/feature-fbank; YuanGongND/ast, src/dataloader.py.
"""

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.mel_filters import kaldi_filters

FRAME_S, HOP_S = 0.025, 0.010
LOW_HZ = 20.0
PRE_EMPHASIS = 0.97
FLOOR_POWER = float(np.finfo(np.float32).eps)


def kaldi_fbank(audio: NDArray[np.float32], rate_hz: int, bands: int) -> NDArray[np.float32]:
    """Log power [frames, bands]; no frame where the audio is shorter than 25 ms.

    Args:
        audio: mono float32 [S].
        rate_hz: samples per second.
        bands: mel bands, from 20 Hz to half the rate.
    """
    size, hop = round(FRAME_S * rate_hz), round(HOP_S * rate_hz)
    if len(audio) < size:
        return np.zeros((0, bands), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(audio.astype(np.float32), size)[::hop]
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    windowed = (frames - np.float32(PRE_EMPHASIS) * before) * np.hanning(size).astype(np.float32)
    padded = 1 << (size - 1).bit_length()
    power = np.abs(np.fft.rfft(windowed, padded)) ** 2
    mel = power @ kaldi_filters(rate_hz, padded, bands, LOW_HZ).T
    return np.log(np.maximum(mel, FLOOR_POWER)).astype(np.float32)
