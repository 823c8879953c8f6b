"""Known grids: what is best, what the others lose, which points are of the front, what is suggested and why not."""

from collections.abc import Mapping

import pytest

from mova_core.evaluation.measure import MeasuredClips, entry
from mova_core.evaluation.sweeps.judge import behind, best_points, front, suggest
from mova_core.evaluation.sweeps.objectives import Objectives, choose_objectives
from mova_core.evaluation.sweeps.result import SweptPoint
from mova_core.measures.clip import Unavailable
from mova_core.params.evaluation import EvaluateParams

SECTION = EvaluateParams(bootstrap_samples=200)
CLIPS = 16
NAMES = ("event_f1", "video_class", "offset_s")
OBJECTIVES = Objectives("event_f1", ("video_class",), {})
Values = Mapping[str, float | None]


def judged(*grid: Values, passes: int = 24) -> tuple[dict[int, SweptPoint], dict[str, int]]:
    """Points whose metrics have these values; a share is of the first clips, so that clips agree between points."""
    measured = [MeasuredClips({name: clips(values.get(name)) for name in NAMES}, [None] * CLIPS) for values in grid]
    points = {
        number: SweptPoint(settings={"bridge_guidance_scale": number}, bridge=True, passes=passes, metrics=made(values))
        for number, values in enumerate(grid)
    }
    best = best_points(points, NAMES)
    return {
        number: point.model_copy(update={"behind": behind(number, best, measured, SECTION)})
        for number, point in points.items()
    }, best


def made(values: Values) -> dict:
    return {
        name: entry(name, unavailable="silence") if values.get(name) is None else entry(name, values[name])
        for name in NAMES
    }


def clips(value: float | None) -> list:
    if value is None:
        return [Unavailable("silence")] * CLIPS
    return [(1.0 if index < value * CLIPS else 0.0, 1.0) for index in range(CLIPS)]


def test_the_best_of_each_metric_is_in_its_direction_and_loses_nothing() -> None:
    points, best = judged(
        {"event_f1": 0.5, "video_class": 1.0, "offset_s": 0.5}, {"event_f1": 1.0, "video_class": 0.25, "offset_s": 1.0}
    )
    assert best == {"event_f1": 1, "video_class": 0, "offset_s": 0}
    assert points[1].behind["event_f1"].value == 0 and not points[1].behind["event_f1"].worse
    assert points[0].behind["event_f1"].value == -0.5 and points[0].behind["event_f1"].worse
    assert points[1].behind["offset_s"].value == 0.5 and points[1].behind["offset_s"].worse  # higher is worse


def test_a_difference_of_one_clip_is_not_worse() -> None:
    points, _ = judged({"video_class": 1.0}, {"video_class": 15 / 16})
    assert points[1].behind["video_class"].value == pytest.approx(-1 / 16)
    assert not points[1].behind["video_class"].worse


def test_the_front_leaves_out_what_has_no_value_and_says_so() -> None:
    points, _ = judged(
        {"event_f1": 0.25, "video_class": 1.0},
        {"event_f1": 0.75, "video_class": 0.5},
        {"event_f1": 0.5, "video_class": 0.5},
        {"event_f1": None, "video_class": 1.0},
    )
    found = front(points, OBJECTIVES)
    assert found.points == [0, 1] and found.unavailable is None
    assert found.left_out == {3: "event_f1: silence"}


def test_the_suggestion_is_the_best_sync_that_keeps_to_the_text() -> None:
    points, best = judged(
        {"event_f1": 0.25, "video_class": 1.0, "offset_s": 0.25},
        {"event_f1": 0.75, "video_class": 15 / 16, "offset_s": 0.75},
        {"event_f1": 1.0, "video_class": 0.25, "offset_s": 0.25},
        {"event_f1": None, "video_class": 1.0},
    )
    found = suggest(points, OBJECTIVES, best)
    assert found.point == 1 and found.settings == {"bridge_guidance_scale": 1}
    assert "2 of 4 points keep to the text" in found.reason and "event F1 0.750" in found.reason
    assert "best" in found.rule and "event F1" in found.rule
    # Sync is clearly better at point 2, the offset at point 0; the class is not worse: it is no cost.
    assert [told.partition(":")[0] for told in found.cost[1:]] == ["event F1", "nearest offset"]
    assert "1.000 at bridge_guidance_scale 2 (difference -0.250" in found.cost[1]


def test_the_control_of_the_suggestion_is_told_beside_it() -> None:
    points, best = judged({"event_f1": 0.5, "video_class": 1.0, "offset_s": 0.5})
    controls = [
        SweptPoint(settings=settings, bridge=False, passes=8, metrics=made({"event_f1": value}))
        for settings, value in (({"video_shift": 1.0}, 0.25), ({}, 0.125))
    ]
    assert "(event F1 with the Bridge off 0.125)" in suggest(points, OBJECTIVES, best, controls).reason


def test_of_equal_points_the_one_with_the_fewest_passes_then_the_first() -> None:
    same = {"event_f1": 0.5, "video_class": 1.0, "offset_s": 0.5}
    points, best = judged(same, same, same)
    assert suggest(points, OBJECTIVES, best).point == 0
    cheaper = points | {2: points[2].model_copy(update={"passes": 8})}
    assert suggest(cheaper, OBJECTIVES, best).point == 2


def test_one_point_is_its_own_front_and_suggestion() -> None:
    points, best = judged({"event_f1": 0.5, "video_class": 0.5, "offset_s": 0.5})
    assert front(points, OBJECTIVES).points == [0] and suggest(points, OBJECTIVES, best).point == 0


def test_without_a_metric_of_text_following_nothing_is_suggested() -> None:
    points, best = judged({"event_f1": 0.5}, {"event_f1": 0.75})
    objectives = choose_objectives(best, {"video_class": "no classes", "audio_class": "no classes"})
    assert objectives.sync == "event_f1" and objectives.text == ()
    found = suggest(points, objectives, best)
    assert found.point is None and "no metric of text following" in str(found.unavailable)
    assert "video_class: no classes" in str(found.unavailable)
    assert front(points, objectives).unavailable == found.unavailable


def test_where_no_point_is_best_at_every_text_metric_nothing_is_suggested() -> None:
    points, best = judged({"event_f1": 1.0, "video_class": 1.0}, {"event_f1": 0.25, "video_class": 0.25})
    objectives = Objectives("offset_s", ("video_class", "event_f1"), {})
    assert suggest(points, objectives, best).point is None


def test_sync_is_that_of_known_events_and_else_av_align() -> None:
    assert choose_objectives(["av_align", "event_f1", "audio_class"], {}).sync == "event_f1"
    other = choose_objectives(["av_align", "loudness_lufs"], {})
    assert other.sync == "av_align" and set(other.unavailable) == {"text"}
    assert (
        choose_objectives(["video_class", "audio_class"], {"event_f1": "why"})
        .unavailable["sync"]
        .startswith("event_f1: why")
    )
