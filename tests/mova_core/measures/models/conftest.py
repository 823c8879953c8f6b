"""Weights by their names and audio by formula, so that what published code gives for them can be pinned."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from mova_core.measures.clip import Clip


@pytest.fixture(scope="session")
def drawn_weights():
    """Function from a state dict to one of the same names and shapes drawn by the order of its names."""

    def fill(state_dict: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        return {name: _values(name, number, state_dict[name]) for number, name in enumerate(sorted(state_dict))}

    return fill


def _values(name: str, number: int, like: torch.Tensor) -> torch.Tensor:
    if not like.is_floating_point():
        return torch.zeros(like.shape, dtype=like.dtype)
    drawn = np.random.default_rng(number).normal(size=tuple(like.shape))
    if name.endswith("running_var"):
        drawn = 0.5 + np.abs(drawn)
    inputs = like[0].numel() if like.ndim > 1 else 4
    return torch.from_numpy(np.asarray(drawn / np.sqrt(inputs))).float()


@pytest.fixture(scope="session")
def tones():
    """Function from seconds and rate to a chord with a beat, float32 [S]."""

    def make(seconds: float, rate_hz: int) -> np.ndarray:
        time_s = np.arange(round(seconds * rate_hz)) / rate_hz
        chord = sum(np.sin(2 * np.pi * hertz * time_s) for hertz in (220, 1000, 3100))
        return (0.1 * chord * (1 + np.sin(2 * np.pi * 3 * time_s))).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def audio_clip():
    """Function from audio and its rate to a clip of one frame."""
    return lambda audio, rate_hz: Clip(np.zeros((1, 8, 8, 3), np.uint8), audio, 24.0, rate_hz)
