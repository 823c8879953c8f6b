"""Mel filters are those of the toolkits that models were trained with."""

import numpy as np
import pytest

from mova_core.measures.mel_filters import kaldi_filters, slaney_filters


def test_slaney_filters_are_librosas():
    found = slaney_filters(32_000, 1024, 64, 50.0, 14_000.0)
    assert found.shape == (64, 513)
    # librosa 0.11, filters.mel of these settings: its sum, largest weight, and where two bands are largest
    assert found.sum() == pytest.approx(2.0481262, abs=1e-6)
    assert found.max() == pytest.approx(0.018149516, abs=1e-8)
    assert (found[20].argmax(), found[63].argmax()) == (39, 424)
    np.testing.assert_allclose(found[:, [10, 50, 200]].sum(axis=0), [0.01852369, 0.01149818, 0.00287465], atol=1e-7)


def test_filters_below_1_khz_are_evenly_spaced():
    filters = slaney_filters(16_000, 4096, 40)
    peaks = filters.argmax(axis=1) * 16_000 / 4096
    low = peaks[peaks < 900]
    assert np.ptp(np.diff(low)) < 2 * 16_000 / 4096


def test_kaldi_filters_are_torchaudios():
    kaldi = pytest.importorskip("torchaudio.compliance.kaldi")
    banks, _ = kaldi.get_mel_banks(128, 512, 16_000.0, 20.0, 0.0, 100.0, -500.0, 1.0)
    found = kaldi_filters(16_000, 512, 128, 20.0)
    np.testing.assert_allclose(found[:, :256], banks.numpy(), atol=2e-4)
    assert not found[:, 256].any()
