"""Distances are those of the field's definitions; the same distribution is let pass, another one is told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mova_core.curation.drift import compare, compare_values


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.lists(st.integers(0, 9), min_size=1, max_size=30))
def test_the_distance_of_numbers_is_the_largest_gap_of_the_cumulative_shares(then, now):
    gap = max(abs(np.mean(np.array(then) <= at) - np.mean(np.array(now) <= at)) for at in range(10))
    assert compare_values("x", then, now).distance == pytest.approx(gap)


words = st.lists(st.sampled_from("abc"), min_size=1, max_size=30)


@settings(max_examples=30, deadline=None)
@given(words, words)
def test_the_distance_of_categories_is_half_the_difference_of_shares(then, now):
    expected = sum(abs(then.count(each) / len(then) - now.count(each) / len(now)) for each in "abc") / 2
    assert compare_values("x", then, now).distance == pytest.approx(expected)


def test_nothing_in_common_is_one_and_the_same_is_none():
    assert compare_values("x", [1.0] * 50, [2.0] * 50).distance == 1
    assert compare_values("x", ["a"] * 50, ["b"] * 50).distance == 1
    same = compare_values("x", ["a"] * 50, ["a"] * 50)
    assert (same.distance, same.p_value, same.fault) == (0, 1, None)


def test_two_draws_of_one_distribution_are_let_pass():
    rng = np.random.default_rng(0)
    sizes = [(30, 2000), (300, 300), (2000, 2000)] * 40
    told = [
        compare_values("x", list(rng.normal(size=then)), list(rng.normal(size=now))).fault for then, now in sizes
    ] + [
        compare_values("x", list(rng.choice(list("aab"), then)), list(rng.choice(list("aab"), now))).fault
        for then, now in sizes
    ]
    assert [each for each in told if each] == []


@pytest.mark.parametrize(("size", "shift", "found"), [(500, 0.5, True), (20, 0.5, False), (100_000, 0.1, False)])
def test_a_shift_counts_when_it_is_far_and_beyond_chance(size, shift, found):
    rng = np.random.default_rng(1)
    drift = compare_values("x", list(rng.normal(size=size)), list(rng.normal(shift, size=size)))
    assert (drift.fault is not None) is found


def test_what_is_no_longer_measured_is_told_and_what_is_new_is_not():
    assert compare_values("x", [1.0, 2.0], []).fault == "2 values then, 0 now"
    assert compare_values("x", [], [1.0]).fault is None


def test_two_folders_are_compared_by_all_their_tables(small_curation, tmp_path):
    def rows(lufs: float) -> list[dict]:
        return [{"clip_id": f"c{index}", "lufs": lufs + index / 100, "noise_sd": 1.0} for index in range(200)]

    then, now = small_curation(tmp_path / "then", rows(-20.0)), small_curation(tmp_path / "now", rows(-51.0))
    faults = {each.name: each.fault for each in compare(then, now) if each.fault}
    assert set(faults) == {"lufs", "retention"}
    assert faults["lufs"].startswith("D 1.000, p ") and faults["lufs"].endswith("(200 then, 200 now)")
    assert not [each.name for each in compare(then, then) if each.fault]
