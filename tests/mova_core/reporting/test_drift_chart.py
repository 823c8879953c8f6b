"""Two versions over each other: shares of the same bins, what drifted first."""

import numpy as np
import pytest

from mova_core.curation.drift import compare_values
from mova_core.reporting import drift_chart
from mova_core.reporting.drift_chart import WORDS_SHOWN, drift_charts


@pytest.fixture
def charts_of(monkeypatch: pytest.MonkeyPatch):
    def made(*drifts):
        monkeypatch.setattr(drift_chart, "compare", lambda then, now: drifts)
        return drift_charts(None, None)

    return made


def test_bars_are_shares_of_the_same_bins_and_what_drifted_comes_first(charts_of):
    rng = np.random.default_rng(0)
    lufs = compare_values("lufs", list(rng.normal(size=500)), list(rng.normal(3, size=400)))
    same = compare_values("motion", list(rng.random(300)), list(rng.random(300)))
    first, second = charts_of(same, lufs)
    assert (first.label, first.fault) == ("integrated loudness, LUFS", lufs.fault)
    assert (second.label, second.fault) == ("motion", None)
    for chart in (first, second):
        assert sum(chart.then) == pytest.approx(1) and sum(chart.now) == pytest.approx(1)
        assert len(chart.then) == len(chart.now) == len(chart.bins)
        assert chart.tallest == max(chart.then + chart.now)
    centre = [np.average(range(len(shares)), weights=shares) for shares in (first.then, first.now)]
    assert centre[1] > centre[0]


def test_words_are_the_commonest_and_the_rest_together(charts_of):
    then = ["a"] * 30 + ["b"] * 10
    now = ["a"] * 10 + [f"w{index}" for index in range(WORDS_SHOWN + 2)]
    (chart,) = charts_of(compare_values("reason", then, now))
    assert chart.bins[0] == "a" and chart.bins[-1] == "4 others" and len(chart.bins) == WORDS_SHOWN + 1
    assert chart.then[:2] == (0.75, 0.25)
    assert sum(chart.then) == pytest.approx(1) and sum(chart.now) == pytest.approx(1)


def test_a_value_all_alike_and_one_never_measured_are_no_trouble(charts_of):
    (chart,) = charts_of(compare_values("black_share", [0.0] * 5, [0.0] * 9), compare_values("flow_speed", [], []))
    assert (chart.distance, chart.ends) == (0, (0, 0))
