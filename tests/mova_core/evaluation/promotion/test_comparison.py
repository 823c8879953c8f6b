"""How two evaluations differ: known answers, whichever way is better, and what happens where clips have no values."""

from typing import Any

import pytest

from mova_core.errors import UsageError
from mova_core.evaluation.promotion.comparison import compare, uncompared
from mova_core.evaluation.promotion.stored_evaluation import StoredEvaluation
from mova_core.params.evaluation import EvaluateParams
from mova_core.registry.manifests import Metric

SECTION = EvaluateParams(bootstrap_samples=500)
COUNT = 64


def stored(name: str, ratios: Any = None, differences: Any = None, **metric: Any) -> StoredEvaluation:
    """An evaluation of one metric."""
    values = {"value": 0.5, "better": "higher"} | metric
    clips = {
        f"{n:02d}": {
            "asked": {},
            "metrics": {} if ratios is None else {name: ratios[n]},
            "unavailable": {},
            **({} if differences is None else {"differences": {name: differences[n]}}),
        }
        for n in range(COUNT)
    }
    return StoredEvaluation("e" * 64, "c" * 16, {name: Metric(**values)}, clips)


def shares(hits: int) -> list[tuple[float, float]]:
    return [(float(n < hits), 1.0) for n in range(COUNT)]


def test_pairs_find_a_loss_of_the_same_few_clips_that_intervals_do_not() -> None:
    ends = {"low": 0.64, "high": 0.85}
    champion = stored("event_f1", shares(48), value=48 / 64, **ends)
    candidate = stored("event_f1", shares(42), value=42 / 64, low=0.54, high=0.77)
    one = compare("event_f1", candidate, champion, SECTION)
    assert (one.verdict, one.method, one.pairs) == ("worse", "paired", COUNT)
    assert one.difference == pytest.approx(-6 / 64) and one.high is not None and one.high < 0
    assert one.gain == one.difference
    by_intervals = compare(
        "x", stored("x", value=42 / 64, low=0.54, high=0.77), stored("x", value=0.75, **ends), SECTION
    )
    assert (by_intervals.verdict, by_intervals.method) == ("not worse", "intervals")


def test_the_same_clips_differ_by_nothing() -> None:
    one = compare("event_f1", stored("event_f1", shares(48)), stored("event_f1", shares(48)), SECTION)
    assert (one.verdict, one.difference, one.low, one.high) == ("not worse", 0, 0, 0)


def test_lower_is_better_where_the_metric_says_so() -> None:
    slow, fast = (
        stored("desync_s", [(0.2, 1.0)] * COUNT, better="lower"),
        stored("desync_s", [(0.1, 1.0)] * COUNT, better="lower"),
    )
    assert compare("desync_s", slow, fast, SECTION).verdict == "worse"
    better = compare("desync_s", fast, slow, SECTION)
    assert better.verdict == "better" and better.gain == pytest.approx(0.1)


def test_the_interval_of_a_difference_of_independent_intervals() -> None:
    candidate, champion = stored("x", value=0.7, low=0.66, high=0.73), stored("x", value=0.5, low=0.46, high=0.53)
    one = compare("x", candidate, champion, SECTION)
    assert (one.low, one.high) == (pytest.approx(0.2 - 0.05), pytest.approx(0.2 + 0.05))  # 3, 4, 5


def test_without_intervals_whatever_is_worse_is_worse() -> None:
    worse = compare("x", stored("x", value=0.51, better="lower"), stored("x", value=0.50, better="lower"), SECTION)
    assert (worse.verdict, worse.method) == ("worse", "values")
    assert compare("x", stored("x"), stored("x"), SECTION).verdict == "not worse"


def test_a_difference_of_two_ratios_is_paired_too() -> None:
    gain = [((1.0, 1.0), (0.0, 1.0))] * 40 + [((0.0, 1.0), (0.0, 1.0))] * 24
    less = [((1.0, 1.0), (0.0, 1.0))] * 32 + [((0.0, 1.0), (0.0, 1.0))] * 32
    one = compare("sync_gain", stored("sync_gain", differences=less), stored("sync_gain", differences=gain), SECTION)
    assert (one.verdict, one.method) == ("worse", "paired") and one.difference == pytest.approx(-8 / 64)


@pytest.mark.parametrize("whose", ["candidate", "champion"])
def test_what_either_side_lacks_is_unavailable_with_its_reason(whose: str) -> None:
    known, lost = stored("event_f1", shares(48)), stored("event_f1", value=None, unavailable="no weights")
    pair = (lost, known) if whose == "candidate" else (known, lost)
    one = compare("event_f1", *pair, SECTION)
    assert (one.verdict, one.reason) == ("unavailable", f"unavailable for the {whose}: no weights")
    assert compare("event_f1", *reversed(pair), SECTION).verdict == "unavailable"
    assert compare("audio_class", known, known, SECTION).reason == "unavailable for the candidate: it was not measured"


def test_clips_without_values_in_common_are_unavailable() -> None:
    one = compare("event_f1", stored("event_f1", shares(48)), stored("event_f1"), SECTION)
    assert one.verdict == "unavailable" and "0 clips of both have a value" in str(one.reason)


def test_the_same_numbers_come_out_again() -> None:
    pair = stored("event_f1", shares(48)), stored("event_f1", list(reversed(shares(40))))
    assert compare("event_f1", *pair, SECTION) == compare("event_f1", *pair, SECTION)


def test_opposite_directions_are_refused() -> None:
    with pytest.raises(UsageError, match="better is lower here, higher for the champion"):
        uncompared("x", stored("x", better="lower"), stored("x"))
