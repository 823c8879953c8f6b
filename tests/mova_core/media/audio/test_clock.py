"""Frames take the place that all stamps around them tell: jitter leaves them, a drift is followed, a gap stays."""

import numpy as np
import pytest

from mova_core.media.audio.clock import MOST_STRETCH, AudioClock

RATE_HZ, SIZE = 48_000, 1024
FRAME_S = SIZE / RATE_HZ
COUNT = 470  # 10 s


def placed(stamps, damage=None):
    """What becomes of frames of 1024 samples, each filled with its number."""
    clock = AudioClock(stamps[0], RATE_HZ, 0.020)
    found = []
    for number, stamp in enumerate(stamps):
        samples = np.full(SIZE, number, np.float32)
        found += clock.add(samples, stamp, "damaged" if number == damage else None)
    return [*found, *clock.flush()]


def times(pieces, start_s):
    """Where each piece begins on the line."""
    lengths = np.cumsum([0, *(piece.gap + piece.length for piece in pieces[:-1])])
    return start_s + (lengths + [piece.gap for piece in pieces]) / RATE_HZ


def assert_untouched(pieces):
    assert all(piece.length == SIZE and not piece.gap and not piece.off_s for piece in pieces)


def even(count=COUNT):
    return np.arange(count) * FRAME_S


def test_frames_with_good_stamps_pass_at_once():
    clock = AudioClock(0.0, RATE_HZ, 0.020)
    for stamp in np.round(even(100), 3):  # a container that counts milliseconds
        (piece,) = clock.add(np.zeros(SIZE, np.float32), stamp)
        assert piece.length == SIZE
    assert not list(clock.flush())


@pytest.mark.parametrize("burst", [2, 3, 5, 8, 20, 30])
def test_packets_stamped_in_bursts_are_not_moved(burst):
    numbers = np.arange(COUNT)
    assert_untouched(placed(numbers // burst * burst * FRAME_S + numbers % burst * 0.001))


@pytest.mark.parametrize("seed", range(8))
def test_jitter_makes_no_hole_and_moves_nothing_far(seed):
    pieces = placed(np.maximum.accumulate(even() + np.random.default_rng(seed).uniform(-0.03, 0.03, COUNT)))
    assert not any(piece.gap or piece.off_s for piece in pieces)
    assert np.abs(times(pieces, 0.0) - even()).max() < 0.035


@pytest.mark.parametrize("drift", [-0.015, -0.01, -0.003, 0.003, 0.01, 0.018])
@pytest.mark.parametrize("jitter_s", [0, 0.015])
def test_a_clock_that_drifts_is_followed(drift, jitter_s):
    true = even() * (1 + drift)
    stamps = true + np.random.default_rng(1).uniform(-jitter_s, jitter_s, COUNT)
    stamps[0] = true[0]
    pieces = placed(stamps)
    assert not any(piece.gap or piece.off_s for piece in pieces)
    assert max(abs(piece.length - SIZE) for piece in pieces) <= MOST_STRETCH * SIZE
    assert np.abs(times(pieces, 0.0) - true).max() < 0.021 + jitter_s


@pytest.mark.parametrize("drift", [-0.01, 0.01])
@pytest.mark.parametrize("burst", [3, 5])
def test_a_clock_that_drifts_is_followed_through_bursts(burst, drift):
    true, numbers = even() * (1 + drift), np.arange(COUNT)
    pieces = placed(true[numbers // burst * burst] + numbers % burst * 0.001)
    assert not any(piece.gap or piece.off_s for piece in pieces)
    assert np.abs(times(pieces, 0.0) - true).max() < 0.032


def test_a_clock_that_cannot_be_followed_is_told():
    pieces = placed(even() * 1.06)
    assert not any(piece.gap for piece in pieces)
    assert sum(bool(piece.off_s) for piece in pieces) > COUNT / 2


@pytest.mark.parametrize("gap_s", [0.045, 0.064, 0.5, 1.0, 20.0])
@pytest.mark.parametrize("rounded", [False, True])
def test_a_gap_is_left_where_it_is(gap_s, rounded):
    true = even() + gap_s * (np.arange(COUNT) >= 200)
    pieces = placed(np.round(true, 3) if rounded else true)
    assert [number for number, piece in enumerate(pieces) if piece.gap] == [200]
    assert all(piece.length == SIZE for piece in pieces)
    np.testing.assert_allclose(times(pieces, 0.0), true, atol=0.0011)


def test_what_lies_between_two_gaps_keeps_its_place():
    numbers = np.arange(COUNT)
    true = even() + 0.3 * (numbers >= 200) + 0.7 * (numbers >= 210)
    pieces = placed(true)
    assert [number for number, piece in enumerate(pieces) if piece.gap] == [200, 210]
    np.testing.assert_allclose(times(pieces, 0.0), true, atol=1e-4)


def test_a_gap_is_found_in_jitter_and_in_drift():
    numbers = np.arange(COUNT)
    jitter = np.random.default_rng(2).uniform(-0.03, 0.03, COUNT)
    for stamps in (even() + jitter, even() * 1.01):
        pieces = placed(stamps + 1.0 * (numbers >= 200))
        (gap,) = [piece.gap for piece in pieces if piece.gap]
        assert gap / RATE_HZ == pytest.approx(1.0, abs=0.04)
        np.testing.assert_allclose(times(pieces, stamps[0])[-100:], stamps[-100:] + 1.0, atol=0.065)


def test_one_lost_packet_is_caught_up_with_by_stretching():
    true = even() + FRAME_S * (np.arange(COUNT) >= 200)
    pieces = placed(true)
    assert not any(piece.gap for piece in pieces)
    assert sum(piece.length - SIZE for piece in pieces) == pytest.approx(SIZE, abs=10)
    np.testing.assert_allclose(times(pieces, 0.0)[330:], true[330:], atol=0.001)


def test_damage_before_a_frame_leaves_exactly_its_gap():
    pieces = placed(even() + FRAME_S * (np.arange(COUNT) >= 200), damage=200)
    assert [(number, piece.gap) for number, piece in enumerate(pieces) if piece.gap] == [(200, SIZE)]
    assert pieces[200].damage == "damaged"


def test_an_overlap_is_trimmed():
    pieces = placed(even() - 0.2 * (np.arange(COUNT) >= 200))
    assert sum(SIZE - len(piece.samples) for piece in pieces) == round(0.2 * RATE_HZ)
    np.testing.assert_allclose(times(pieces, 0.0)[-1], (COUNT - 1) * FRAME_S - 0.2, atol=1e-4)


@pytest.mark.parametrize("wild_s", [-5.0, 0.06, 5.0])
def test_one_wild_stamp_moves_nothing(wild_s):
    stamps = even()
    stamps[200] += wild_s
    assert_untouched(placed(stamps))


@pytest.mark.parametrize("lost_s", [0.1, 1.0])
@pytest.mark.parametrize("after", [1, 2, 10, 20])
def test_a_gap_in_the_first_second_is_a_gap(after, lost_s):
    pieces = placed(even() + lost_s * (np.arange(COUNT) >= after))
    assert [(number, piece.gap) for number, piece in enumerate(pieces) if piece.gap] == [(after, lost_s * RATE_HZ)]
