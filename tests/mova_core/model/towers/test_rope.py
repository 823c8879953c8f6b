"""Rotary tables at the released sizes: angles whose precision is known."""

import numpy as np
import torch

from mova_core.model.towers.rope import audio_angles, half_split_tables

HEAD_DIM, THETA, POSITIONS = 128, 10000.0, 403  # the released Bridge, 193 frames


def test_the_bridges_tables_are_float32_from_the_frequencies_on():
    """At position 402 a frequency rounded to float32 is already visible: float64 ones would be 3e-5 away."""
    # torch's own power: that of NumPy differs in the last bit on some processors.
    frequencies = (1.0 / THETA ** (torch.arange(0, HEAD_DIM, 2, dtype=torch.float32) / HEAD_DIM)).numpy()
    angles = np.arange(POSITIONS, dtype=np.float32)[:, None] * frequencies
    assert angles.dtype == np.float32
    cos, sin = half_split_tables(torch.arange(POSITIONS), HEAD_DIM, THETA)
    for ours, known in ((cos, np.cos(angles)), (sin, np.sin(angles))):
        assert ours.dtype == torch.float32
        np.testing.assert_allclose(ours.numpy(), np.tile(known, 2), rtol=0, atol=4e-6)


def test_the_towers_angles_are_float64():
    """The angle of the last of 16384 positions at the fastest frequency but one, known to 15 digits."""
    angles = audio_angles(16384, HEAD_DIM, THETA)
    assert angles.dtype == torch.float64
    assert float(angles[-1, 1]) == 16383 * 10000 ** (-2 / 128)
