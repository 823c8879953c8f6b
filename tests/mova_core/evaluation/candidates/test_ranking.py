"""The best of several evaluations: gates first, then the margin whichever way is better, then the later step."""

import pytest

from mova_core.evaluation.candidates.ranking import Judged, margin, ranked
from mova_core.evaluation.gates import Gate


def gate(value: float | None, limit: float, better: str = "higher", unavailable: str | None = None) -> Gate:
    passed = value is not None and unavailable is None and (value >= limit if better == "higher" else value <= limit)
    return Gate("event_f1", value, limit, better, passed, "≥", unavailable=unavailable)


def judged(step: int, *gates: Gate) -> Judged:
    return Judged(f"{step:016x}", step, 16, {}, gates)


@pytest.mark.parametrize(
    ("value", "limit", "better", "expected"),
    [
        (0.6, 0.5, "higher", 0.2),
        (0.4, 0.5, "higher", -0.2),
        (0.06, 0.08, "lower", 0.25),
        (0.10, 0.08, "lower", -0.25),
        (9.0, 0.5, "higher", 1.0),  # one metric alone never decides
        (9.0, 0.5, "lower", -1.0),
        (0.3, 0.0, "higher", 0.3),  # no share of 0
        (-0.3, -0.1, "higher", -1.0),
        (None, 0.5, "higher", -1.0),
    ],
)
def test_a_margin_is_the_share_of_the_limit_on_the_good_side(value, limit, better, expected) -> None:
    assert margin(gate(value, limit, better)) == pytest.approx(expected)


def test_a_value_of_some_of_the_clips_has_no_margin() -> None:
    assert margin(gate(0.9, 0.5, unavailable="measured in 3 of 4 clips")) == -1


def test_what_passes_is_before_what_has_the_larger_margin() -> None:
    passes, fails = judged(1, gate(0.51, 0.5), gate(0.51, 0.5)), judged(2, gate(1.0, 0.5), gate(0.49, 0.5))
    assert fails.margin > passes.margin and ranked([fails, passes]) == [passes, fails]


def test_the_larger_mean_margin_is_better_and_of_two_alike_the_later_step() -> None:
    earlier, later, better = judged(1, gate(0.6, 0.5)), judged(2, gate(0.6, 0.5)), judged(0, gate(0.7, 0.5))
    for order in ([earlier, later, better], [better, later, earlier]):
        assert ranked(order) == [better, later, earlier]


def test_without_gates_the_later_step_is_better() -> None:
    assert [each.step for each in ranked([judged(1), judged(3), judged(2)])] == [3, 2, 1]


def test_where_an_interval_is_judged_its_end_has_the_margin() -> None:
    assert margin(Gate("av_align_over_shuffled", 0.4, 0.0, "higher", True, "interval >", low=0.1)) == 0.1
