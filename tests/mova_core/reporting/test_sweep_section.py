"""A page of a sweep shows its suggestion and cost, marks the best, and says what is not there."""

from xml.etree import ElementTree

import pytest

from mova_core.evaluation.measure import entry
from mova_core.evaluation.sweeps.judge import best_points, front, suggest
from mova_core.evaluation.sweeps.objectives import choose_objectives
from mova_core.evaluation.sweeps.result import Behind, Sweep, SweptPoint, SweptSuite
from mova_core.evaluation.sweeps.run import write_sweep
from mova_core.reporting.charts.heat_map import heat_map
from mova_core.reporting.charts.sweep import beyond_best
from mova_core.reporting.charts.sweep_lines import lines_chart
from mova_core.reporting.charts.sweep_slice import slices
from mova_core.reporting.sweep_section import sweep_section, sweep_sections, told, write_sweep_page

B, T = "bridge_guidance_scale", "text_guidance_scale"
SUITE = SweptSuite(name="synthetic", clips=16, sha256="5" * 64, negative_prompt="", loras=[], settings={})
NAMES = ("event_f1", "video_class")
F1 = {1.0: 0.6, 2.0: 0.9, 4.0: 0.7}  # by Bridge scale


def point(settings: dict[str, float], f1: float | None, share: float | None, bridge: bool = True) -> SweptPoint:
    values = dict(zip(NAMES, (f1, share), strict=True))
    metrics = {
        name: entry(name, unavailable="silence") if value is None else entry(name, value, (value - 0.05, value + 0.05))
        for name, value in values.items()
    }
    return SweptPoint(settings=settings, bridge=bridge, passes=16, metrics=metrics)


def sweep_of(points: list[SweptPoint], axes: dict[str, list[float]]) -> Sweep:
    grid = {number: each for number, each in enumerate(points) if each.bridge}
    best = best_points(grid, NAMES)

    def behind(each: SweptPoint) -> dict[str, Behind]:
        lost = {name: (each.value(name) or 0) - (grid[at].value(name) or 0) for name, at in best.items()}
        return {
            name: Behind(value=loss, low=loss - 0.05, high=loss + 0.05, worse=loss < -0.05)
            for name, loss in lost.items()
        }

    points = [each.model_copy(update={"behind": behind(each)}) if each.bridge else each for each in points]
    grid = {number: points[number] for number in grid}
    objectives = choose_objectives(best, {"video_class": "no classes"})
    return Sweep(
        checkpoint_id="0" * 16,
        suite=SUITE,
        axes=axes,
        defaults=dict.fromkeys(axes, 2.0),
        points=points,
        sync_metric=objectives.sync,
        text_metrics=list(objectives.text),
        best=best,
        front=front(grid, objectives),
        suggestion=suggest(grid, objectives, best),
        unavailable={"clap_score": "params weights.clap is not configured"},
    )


@pytest.fixture
def sweep() -> Sweep:
    """Sync is best at s_B 2; only s_T 3 keeps to the text; one point was not measured."""
    controls = [point({T: scale}, 0.15, 0.5 if scale == 1 else 1.0, bridge=False) for scale in (1.0, 3.0)]
    points = [
        point({B: of_bridge, T: of_text}, f1 - (0.1 if of_text == 3 else 0), 0.5 if of_text == 1 else 1.0)
        for of_bridge, f1 in F1.items()
        for of_text in (1.0, 3.0)
    ]
    points[-1] = point({B: 4.0, T: 3.0}, None, 1.0)
    return sweep_of([*controls, *points], {B: list(F1), T: [1.0, 3.0]})


def test_the_page_tells_suggestion_cost_front_and_what_is_not_there(sweep, tmp_path) -> None:
    page = write_sweep_page(sweep, tmp_path)
    html = page.read_text()
    assert f"Suggested defaults: {B} 2, {T} 3: event F1 0.800, video of the asked class 1.000" in html
    assert f"event F1: 0.800, and 0.900 at {B} 2, {T} 1 (difference -0.100" in html  # what the text costs
    assert f"{B} 4, {T} 3 (event_f1: silence)" in html and "params weights.clap is not configured" in html
    assert "MOVA report, Table 5" in html and "synthetic" in html
    assert write_sweep_page(sweep, tmp_path / "again").read_text() == html
    assert told(sweep, page).splitlines()[0].startswith("Suggested defaults")


def test_a_sweep_is_a_section_of_the_evaluation_of_its_checkpoint_alone(sweep, tmp_path) -> None:
    assert sweep_sections(tmp_path, "0" * 16) == []
    write_sweep(sweep, tmp_path)
    (section,) = sweep_sections(tmp_path, "0" * 16)
    assert section.id == "sweep" and "Suggested defaults" in section.html and "<h2" not in section.html
    assert sweep_sections(tmp_path, "1" * 16) == [] and sweep_sections(tmp_path, None) == []


def test_every_point_is_a_row_and_the_suggested_one_is_marked(sweep) -> None:
    section = sweep_section(sweep)
    assert section.axes == ["s_B", "s_T"] and len(section.rows) == 8
    assert [row.settings for row in section.rows if "suggested" in row.mark] == [("2", "3")]
    assert section.rows[0].settings == ("off", "1") and section.rows[-1].cells[0] is None
    assert {row.mark for row in section.rows if row.settings == ("2", "1")} == {"on the front"}


def test_a_heat_map_has_every_point_the_control_apart_and_a_dash_for_what_is_not_there(sweep) -> None:
    (plane,) = slices(sweep)
    chart = heat_map(plane, "event_f1")
    assert chart.count("<title>") == 8 and chart.count("Bridge off") == 2
    assert "0.800 ★" in chart and "–" in chart and "unavailable: silence" in chart
    ElementTree.fromstring(chart)


def test_a_line_tells_its_best_and_what_the_highest_scale_loses(sweep) -> None:
    (plane,) = slices(sweep)
    chart = lines_chart(plane, "event_f1")
    assert "s_T 1: best at 2; at 4 worse by 0.200" in chart and "s_T 3: best at 2, the highest" in chart
    assert "best at 2; 4: worse by 0.200" in chart  # of the ring


def test_other_settings_are_held_where_the_suggestion_has_them() -> None:
    axes = {B: [1.0, 2.0], "video_shift": [1.0, 5.0], "audio_shift": [3.0]}
    points = [
        point({B: of_bridge, "video_shift": shift, "audio_shift": 3.0}, 0.1 * of_bridge + 0.01 * shift, 1.0)
        for of_bridge in axes[B]
        for shift in axes["video_shift"]
    ]
    first, second = slices(sweep_of(points, axes))
    assert (first.x, first.y, first.held) == (B, "video_shift", {"audio_shift": 3.0})
    assert (second.x, second.y, second.held) == ("audio_shift", None, {B: 2.0, "video_shift": 5.0})
    assert [number for _, number, _ in second.points(None)] == [3] and second.control(None) is None


def test_without_a_metric_of_text_following_the_page_says_why_nothing_is_suggested(tmp_path) -> None:
    points = [point({B: scale}, f1, None) for scale, f1 in F1.items()]
    html = write_sweep_page(sweep_of(points, {B: list(F1)}), tmp_path).read_text()
    assert "No defaults are suggested: no metric of text following" in html and "There is no Pareto front" in html
    assert "best at 2; at 4 worse by 0.200" in html


def test_where_nothing_is_measured_nothing_is_drawn() -> None:
    section = sweep_section(sweep_of([point({B: 1.0}, None, None)], {B: [1.0]}))
    assert section.planes == [] and section.front is None and section.front_missing


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0.5, 0.9, 0.7], "best at 2; at 3 worse by 0.200"),
        ([0.5, 0.9, 0.9], "best at 2; at 3 as good"),
        ([0.5, 0.7, 0.9], "best at 3, the highest"),
    ],
)
def test_what_the_highest_scale_loses_in_words(values, words) -> None:
    assert beyond_best([1, 2, 3], values, "higher") == words
    assert beyond_best([1], values[:1], "higher") == ""
