"""How clips become one number: every clip counts or is told, sets weigh the same, and gates see what is missing."""

import numpy as np
import pytest

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.gates import judge
from mova_core.evaluation.measure import clip_values, entry
from mova_core.evaluation.measuring.aggregate import aggregate
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import AMOUNT, Distribution, MetricSpec, mean_of
from mova_core.measures.clip import Clip, Unavailable
from mova_core.params.evaluation import EvaluateParams, SelectParams

SECTION = EvaluateParams(bootstrap_samples=200)
SPEC = MetricSpec("size", "size", "how large", *("higher", AMOUNT), ratio=mean_of(lambda clip: float(len(clip.frames))))
OF_SETS = MetricSpec("size", "size", "how large", *("higher", AMOUNT), ratio=SPEC.ratio, mean_of_sets=True)
ON_SPEECH = MetricSpec("size", "size", "how large", *("higher", AMOUNT), ratio=SPEC.ratio, only_set="set3")
CONTEXT = Context([], -50)


def clip(frames: int) -> Clip:
    return Clip(np.zeros((frames, 8, 8, 3), np.uint8), np.zeros(800, np.float32), 16.0, 16_000)


def test_what_is_unavailable_in_one_clip_is_told_and_the_others_count() -> None:
    found = aggregate(
        SPEC, [(1.0, 1.0), Unavailable("no face"), (3.0, 1.0), Unavailable("no face")], [None] * 4, SECTION
    )
    assert (found.value, found.clips, found.of, found.missing) == (2.0, 2, 4, {"no face": 2})
    low, high = found.ends
    assert low is not None and high is not None and 1 <= low <= 2 <= high <= 3


def test_nowhere_available_is_no_number() -> None:
    found = aggregate(SPEC, [Unavailable("no face")] * 3, [None] * 3, SECTION)
    assert (found.value, found.unavailable, found.clips, found.of) == (None, "no face", 0, 3)
    assert aggregate(SPEC, [], [], SECTION).unavailable == "there is no clip to measure"


def test_sets_weigh_the_same_whatever_their_size() -> None:
    values, sets = [(1.0, 1.0)] * 9 + [(5.0, 1.0)], ["set1"] * 9 + ["set2"]
    assert aggregate(OF_SETS, values, sets, SECTION).value == 3.0
    assert aggregate(SPEC, values, sets, SECTION).value == pytest.approx(1.4)
    lost = aggregate(OF_SETS, [*values[:9], Unavailable("dark")], sets, SECTION)
    assert lost.value is None and lost.unavailable == "set set2 has no clip that it could be measured in"


def test_a_metric_of_one_set_is_measured_there_alone_and_on_other_suites_whole() -> None:
    values = [(1.0, 1.0), (2.0, 1.0), (4.0, 1.0)]
    assert aggregate(ON_SPEECH, values, ["set1", "set3", "set3"], SECTION).value == 3.0
    assert aggregate(ON_SPEECH, values, [None] * 3, SECTION).value == pytest.approx(7 / 3)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = [(float(number), 1.0) for number in range(20)]
    ends = aggregate(SPEC, values, [None] * 20, SECTION).ends
    assert ends == aggregate(SPEC, values, [None] * 20, SECTION).ends
    assert ends != aggregate(SPEC, values, [None] * 20, EvaluateParams(bootstrap_samples=200, seed=1)).ends


def test_a_distribution_is_of_all_rows_and_needs_its_reference() -> None:
    spread = Distribution(lambda clip, context: np.zeros(2, np.float32), lambda rows, other: float(len(rows)))
    spec = MetricSpec("rows", "rows", "how many", *("lower", AMOUNT), distribution=spread)
    rows = [np.zeros((3, 2), np.float32), np.zeros(2, np.float32), Unavailable("silent")]
    found = aggregate(spec, rows, [None] * 3, SECTION, [np.zeros(2, np.float32)])
    assert (found.value, found.clips, found.of) == (4.0, 2, 3)
    assert aggregate(spec, rows, [None] * 3, SECTION).unavailable == "no reference clip could be measured"


def test_an_interval_of_a_distribution_lies_around_its_value_and_within_its_range() -> None:
    """Half of the clips sum up to half: by itself the resampled number is always far smaller."""
    rows = [np.float32([number]) for number in range(20)]
    whole = sum(range(20))
    total = Distribution(lambda clip, context: rows[0], lambda drawn, other: float(drawn.sum()), compares=False)
    for limits in ((0.0, 1000.0), (whole - 1.0, whole + 2.0)):
        found = aggregate(
            MetricSpec("total", "total", "all together", "higher", limits, distribution=total),
            *(rows, [None] * 20, SECTION),
        )
        low, high = found.ends
        assert low is not None and high is not None and low < whole < high
        assert limits[0] <= low and high <= limits[1]


def test_a_metric_that_throws_is_unavailable_in_that_clip_and_says_what_it_said() -> None:
    def fails(each: Clip) -> float:
        if len(each.frames) == 1:
            raise ValueError("one frame is no movement")
        return 1.0

    spec = MetricSpec("moving", "moving", "moves", *("higher", AMOUNT), ratio=mean_of(fails))
    values = [clip_values(clip(frames), [spec, SPEC], CONTEXT) for frames in (1, 2)]
    assert values[0]["moving"] == Unavailable("it failed: ValueError: one frame is no movement")
    assert (values[0]["size"], values[1]["moving"]) == ((1.0, 1.0), (1.0, 1.0))


def test_a_gate_closes_on_a_value_of_some_of_the_clips() -> None:
    whole = entry("audible_share", 1.0).model_copy(update={"clips": 4, "of": 4})
    some = whole.model_copy(update={"clips": 3, "missing": {"it does not decode": 1}})
    others = {name: entry(name, 1.0) for name in CATALOGUE}
    for metric, passed in ((whole, True), (some, False)):
        gates = judge("phase3", "other", SelectParams(), others | {"audible_share": metric})
        gate = next(each for each in gates if each.name == "audible_share")
        assert gate.passed == passed
        assert gate.unavailable == (None if passed else "measured in 3 of 4 clips: it does not decode")
