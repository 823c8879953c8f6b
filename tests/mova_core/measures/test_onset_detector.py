"""Onsets are those of librosa's detector: as recorded from librosa 0.11, and (soak) as it finds them now."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mova_core.measures.sync import HOP, ONSET_RATE_HZ, onsets_s

SAMPLES = 4 * ONSET_RATE_HZ


def bursts(seed: int) -> np.ndarray:
    """Noise that starts suddenly and dies away."""
    rng = np.random.default_rng(seed)
    audio = rng.normal(0, 1e-4, SAMPLES)
    for start in np.sort(rng.integers(2000, 80_000, 6)):
        audio[start : start + 1500] += rng.normal(0, rng.uniform(0.02, 0.3), 1500) * np.linspace(1, 0, 1500)
    return audio.astype(np.float32)


def notes(seed: int) -> np.ndarray:
    """Sines that start suddenly, die away and overlap."""
    rng = np.random.default_rng(seed)
    times = np.arange(SAMPLES) / ONSET_RATE_HZ
    audio = np.zeros(SAMPLES)
    for start_s in np.sort(rng.uniform(0.1, 3.6, 9)):
        after = np.maximum(times - start_s, 0)
        audio += 0.2 * np.sin(2 * np.pi * rng.uniform(100, 2000) * times) * np.exp(-6 * after) * (times >= start_s)
    return audio.astype(np.float32)


def swells(seed: int) -> np.ndarray:
    """Noise that swells slowly."""
    noise = np.random.default_rng(seed).standard_normal(SAMPLES)
    return (0.1 * noise * (1 + np.sin(2 * np.pi * 0.7 * np.arange(SAMPLES) / ONSET_RATE_HZ))).astype(np.float32)


LIBROSAS = [  # signal, seed, frames of 512 samples as librosa 0.11.0 gives
    (bursts, 0, [27, 39, 80, 94, 116, 121]),
    (bursts, 1, [3, 10, 72, 82, 102, 156]),
    (notes, 0, [8, 12, 46, 87, 96, 101, 115, 128, 143]),
    (notes, 1, [27, 52, 67, 82, 88, 130, 148]),
    (swells, 0, [3, 49, 111, 172]),
]
DETECT = """
import json, sys
import librosa, numpy
audio = numpy.load(sys.argv[1])
strength = [librosa.onset.onset_strength(y=each, sr=22050) for each in audio]
print(json.dumps([librosa.onset.onset_detect(onset_envelope=each, sr=22050).tolist() for each in strength]))
"""


@pytest.mark.parametrize(("signal", "seed", "frames"), LIBROSAS)
def test_onsets_are_those_that_librosa_found(signal: Callable[[int], np.ndarray], seed: int, frames: list[int]) -> None:
    assert onsets_s(signal(seed), ONSET_RATE_HZ) == pytest.approx([frame * HOP / ONSET_RATE_HZ for frame in frames])


@pytest.mark.soak
def test_onsets_are_those_that_librosa_finds(tmp_path: Path) -> None:
    np.save(tmp_path / "audio.npy", np.stack([signal(seed) for signal, seed, _ in LIBROSAS]))
    found = subprocess.run(
        [sys.executable, "-c", DETECT, str(tmp_path / "audio.npy")],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "compiled")},  # a shared cache can be left broken
        stdout=subprocess.PIPE,
        check=True,
    )
    assert json.loads(found.stdout) == [frames for _, _, frames in LIBROSAS]
