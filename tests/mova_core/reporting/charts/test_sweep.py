"""Every scale has its mark, the control its line, and nothing measured is said."""

from xml.etree import ElementTree

from mova_core.reporting.charts.style import as_file
from mova_core.reporting.charts.sweep import our_panels, sweep_chart, sweep_charts
from mova_core.reporting.phase_reports import Evaluated

NAMES = ("event_f1", "offset_s", "av_align")


def evaluated(values: dict[float | None, float | None], suite: str = "synthetic") -> Evaluated:
    sweep = [
        {
            "bridge_guidance_scale": scale,
            "metrics": {name: {"value": value, "low": value, "high": value} for name in NAMES},
        }
        for scale, value in values.items()
    ]
    metric = {"value": 0.9, "shuffled": 0.2, "data": 0.97, "better": "higher"}
    return Evaluated.model_validate(
        {
            "phase": "phase1",
            "checkpoint_id": "0" * 16,
            "suite": {"name": suite, "seeds": [1], "clips": 1, "sha256": "5" * 64},
            "metrics": dict.fromkeys(NAMES, metric),
            "sweep": sweep,
            "samples": [],
        }
    )


def test_every_scale_has_its_mark_and_the_control_its_line() -> None:
    evaluation = evaluated({None: 0.15, 0.0: 0.2, 2.0: 0.9})
    ours, report = sweep_charts(evaluation)
    assert ours.count("<title>s_B") == 4 and report.count("<title>s_B") == 10
    assert "Bridge off 0.15" in ours and "data 0.97" in ours and "shuffled pairs 0.20" in ours
    assert [panel.title for panel in our_panels(evaluation)] == [
        "event F1 (higher is better)",
        "nearest offset (s) (lower is better)",
    ]


def test_the_best_scale_is_marked_with_what_the_higher_ones_lose() -> None:
    ours, report = sweep_charts(evaluated({None: 0.15, 0.0: 0.25, 2.0: 0.75, 3.5: 0.5}))
    assert "s_B, best at 2; at 3.5 worse by 0.250" in ours and "<title>best at 2; 3.5: worse by 0.250</title>" in ours
    assert "s_B, best at 3.5; at 4 worse by 0.014" in report and "s_B, best at 4, the highest" in report


def test_the_file_is_well_formed_and_holds_its_colours_for_dark_and_light() -> None:
    text = as_file(sweep_chart(evaluated({None: 0.15, 0.0: 0.2})))
    ElementTree.fromstring(text)
    assert "prefers-color-scheme: dark" in text and "var(--keep)" in text and "#00000" not in text


def test_nothing_measured_is_said() -> None:
    ours, _ = sweep_charts(evaluated({None: None, 1.0: None}, suite="captions"))
    assert "unavailable: nothing to measure" in ours
