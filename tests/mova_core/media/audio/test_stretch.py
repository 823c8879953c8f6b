"""Stretching keeps a tone a tone: no seam between pieces of different lengths, no change where there is none."""

import numpy as np
import pytest

from mova_core.media.audio.stretch import Stretcher

RATE_HZ, SIZE = 48_000, 1024


def stretched(samples, lengths):
    stretcher, pieces = Stretcher(), np.split(samples, len(lengths))
    done = [part for piece, length in zip(pieces, lengths, strict=True) for part in stretcher.push(piece, length)]
    return np.concatenate([*done, *stretcher.flush()])


@pytest.mark.parametrize("tone_hz", [440, 5000, 15_000])
def test_a_tone_goes_on_through_pieces_of_all_lengths(tone_hz):
    lengths = [SIZE, SIZE + 10, SIZE + 11, SIZE, SIZE - 20, SIZE - 1, SIZE, SIZE + 3]
    tone = np.sin(2 * np.pi * tone_hz * np.arange(SIZE * len(lengths)) / RATE_HZ).astype(np.float32)
    joined = stretched(tone, lengths)
    places = [SIZE * (k + np.arange(length) / length) for k, length in enumerate(lengths)]
    expected = np.sin(2 * np.pi * tone_hz * np.concatenate(places) / RATE_HZ)
    assert len(joined) == sum(lengths)
    np.testing.assert_allclose(joined[:-32], expected[:-32], atol=0.02 if tone_hz > 10_000 else 2e-3)


def test_what_keeps_its_length_keeps_its_bits():
    noise = np.random.default_rng(1).normal(0, 0.1, 4 * SIZE).astype(np.float32)
    np.testing.assert_array_equal(stretched(noise, [SIZE] * 4), noise)
    joined = stretched(noise, [SIZE, SIZE + 5, SIZE, SIZE])
    np.testing.assert_array_equal(joined[:SIZE], noise[:SIZE])
    np.testing.assert_array_equal(joined[2 * SIZE + 5 :], noise[2 * SIZE :])


def test_a_long_piece_is_stretched_as_a_whole():
    tone = np.sin(2 * np.pi * 300 * np.arange(20_000) / RATE_HZ).astype(np.float32)
    expected = np.sin(2 * np.pi * 300 * np.arange(20_200) * (20_000 / 20_200) / RATE_HZ)
    np.testing.assert_allclose(stretched(tone, [20_200])[:-32], expected[:-32], atol=2e-3)
