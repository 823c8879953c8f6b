"""The best scale and what higher ones lose, in both directions."""

from mova_core.evaluation.sweeps.beyond_best import BestScale, best_scale


def test_the_best_and_the_losses_beyond_it() -> None:
    assert best_scale([0.25, 1.0, 0.75, 0.5], "higher") == BestScale(1, (0.25, 0.5))
    assert best_scale([0.5, 0.125, 0.25], "lower") == BestScale(1, (0.125,))


def test_of_equal_scales_the_lowest_is_best_and_the_last_one_loses_nothing() -> None:
    assert best_scale([0.5, 1.0, 1.0], "higher") == BestScale(1, (0.0,))
    assert best_scale([0.1, 0.2], "higher") == BestScale(1, ())


def test_without_values_or_direction_there_is_no_best() -> None:
    assert best_scale([], "higher") is None and best_scale([1.0], "neither") is None
