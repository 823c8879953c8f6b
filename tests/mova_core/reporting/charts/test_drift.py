"""Two versions over each other: shares of the same bins, what drifted first."""

import numpy as np
import pytest

from mova_core.curation.drift import compare_values
from mova_core.reporting.charts import drift as module
from mova_core.reporting.charts.drift import WORDS_SHOWN, drift_charts, shares_of


@pytest.fixture
def charts_of(monkeypatch: pytest.MonkeyPatch):
    def made(*drifts):
        monkeypatch.setattr(module, "compare", lambda then, now: drifts)
        return drift_charts(None, None)

    return made


def test_bars_are_shares_of_the_same_bins_and_what_drifted_comes_first(charts_of):
    rng = np.random.default_rng(0)
    lufs = compare_values("lufs", list(rng.normal(size=500)), list(rng.normal(3, size=400)))
    same = compare_values("motion", list(rng.random(300)), list(rng.random(300)))
    first, second = charts_of(same, lufs)
    assert (first.label, first.drifted, first.caption) == ("integrated loudness, LUFS", True, f"drifted: {lufs.fault}")
    assert second.drifted is False
    for chart, drift in ((first, lufs), (second, same)):
        shares = shares_of(drift)
        assert sum(shares.then) == pytest.approx(1) and sum(shares.now) == pytest.approx(1)
        assert len(shares.then) == len(shares.now) == len(shares.bins)
        assert chart.svg.count("<title>") == len(shares.bins)
    shares = shares_of(lufs)
    centre = [np.average(range(len(each)), weights=each) for each in (shares.then, shares.now)]
    assert centre[1] > centre[0]


def test_words_are_the_commonest_and_the_rest_together(charts_of):
    then = ["a"] * 30 + ["b"] * 10
    now = ["a"] * 10 + [f"w{index}" for index in range(WORDS_SHOWN + 2)]
    drift = compare_values("reason", then, now)
    chart = shares_of(drift)
    assert "4 others: 0.0% then" in charts_of(drift)[0].svg
    assert chart.bins[0] == "a" and chart.bins[-1] == "4 others" and len(chart.bins) == WORDS_SHOWN + 1
    assert chart.then[:2] == (0.75, 0.25)
    assert sum(chart.then) == pytest.approx(1) and sum(chart.now) == pytest.approx(1)


def test_a_value_all_alike_and_one_never_measured_are_no_trouble(charts_of):
    (chart,) = charts_of(compare_values("black_share", [0.0] * 5, [0.0] * 9), compare_values("flow_speed", [], []))
    assert (chart.caption, chart.ends) == ("distance 0.000", ("0", "0"))
