"""The plot is well-formed, shows every scale, and says where there is nothing."""

from xml.etree import ElementTree

from mova_core.reporting.sweep_plot import sweep_plot


def entry(scale: float | None, value: float | None) -> dict:
    numbers = {"value": value, "low": value, "high": value}
    return {
        "bridge_guidance_scale": scale,
        "bridge": scale is not None,
        "metrics": dict.fromkeys(("event_f1", "offset_s", "av_align"), numbers),
    }


METRICS = {key: {"shuffled": 0.2, "data": 0.97} for key in ("event_f1", "offset_s", "av_align")}


def test_every_scale_has_its_mark_and_the_control_its_line() -> None:
    drawn = sweep_plot([entry(None, 0.15), entry(0.0, 0.2), entry(2.0, 0.9)], METRICS, synthetic=True)
    ElementTree.fromstring(drawn)
    assert drawn.count("<circle") == 4 and drawn.count('class="report-mark"') == 10
    assert "Bridge off 0.15" in drawn and "data 0.97" in drawn


def test_nothing_measured_is_said() -> None:
    drawn = sweep_plot([entry(None, None), entry(1.0, None)], METRICS, synthetic=False)
    ElementTree.fromstring(drawn)
    assert "unavailable" in drawn
