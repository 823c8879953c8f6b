"""Filter banks are Kaldi's: known frames, a sine in its band, and the values of torchaudio."""

import numpy as np
import pytest

from mova_core.measures.kaldi_fbank import kaldi_fbank


def sine(hertz, seconds=0.5, rate_hz=16_000):
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


@pytest.mark.parametrize(("samples", "frames"), [(399, 0), (400, 1), (559, 1), (560, 2), (16_000, 98)])
def test_frames_lie_wholly_in_the_signal(samples, frames):
    assert kaldi_fbank(np.ones(samples, np.float32), 16_000, 128).shape == (frames, 128)


@pytest.mark.parametrize("hertz", [440, 1000, 4000])
def test_a_sine_falls_into_its_band(hertz):
    mel = 1127 * np.log1p(np.array([20, hertz, 8000]) / 700)
    band = (mel[1] - mel[0]) / (mel[2] - mel[0]) * 129 - 1
    loudest = kaldi_fbank(sine(hertz), 16_000, 128).mean(axis=0).argmax()
    assert abs(loudest - band) < 1.5  # bands are narrower than a bin of the spectrum


def test_the_values_are_torchaudios():
    kaldi = pytest.importorskip("torchaudio.compliance.kaldi")
    import torch

    audio = sine(700) + np.random.default_rng(0).normal(0, 0.05, 8000).astype(np.float32)
    expected = kaldi.fbank(
        torch.from_numpy(audio)[None], num_mel_bins=128, window_type="hanning", dither=0.0, htk_compat=True
    )
    np.testing.assert_allclose(kaldi_fbank(audio, 16_000, 128), expected.numpy(), atol=2e-3)


def test_a_constant_has_nothing_above_the_floor():
    assert np.unique(kaldi_fbank(np.full(1000, 0.3, np.float32), 16_000, 8)) == [np.log(np.finfo(np.float32).eps)]
