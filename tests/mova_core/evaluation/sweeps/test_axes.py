"""A grid is every combination, with its controls; what cannot be swept is refused with what can be."""

import pytest

from mova_core.errors import UsageError
from mova_core.evaluation.sweeps.axes import SWEEPABLE, Axis, described, grid, parse_axes
from mova_core.sampling.settings import GenerateSettings

DEFAULTS = GenerateSettings(geometry="nano-48")


def test_words_become_axes_with_values_in_rising_order() -> None:
    words = ["bridge-guidance-scale=3.5,0,1", "steps=8"]
    assert parse_axes(words) == (Axis("bridge_guidance_scale", (0.0, 1.0, 3.5)), Axis("steps", (8,)))


def test_the_grid_is_the_cross_product_after_a_control_for_each_of_the_other_values() -> None:
    points = grid(parse_axes(["bridge_guidance_scale=0,2", "text_guidance_scale=1,3", "video_shift=5"]), DEFAULTS)
    controls, others = points[:2], points[2:]
    assert [point.values for point in controls] == [
        {"text_guidance_scale": scale, "video_shift": 5} for scale in (1.0, 3.0)
    ]
    assert all(not point.bridge and not point.settings.bridge for point in controls)
    assert len(others) == 4 and all(point.bridge and point.settings.bridge for point in others)
    for point in others:
        assert {name: getattr(point.settings, name) for name in point.values} == dict(point.values)
        assert point.settings.audio_shift == DEFAULTS.audio_shift


def test_shifts_alone_have_no_control() -> None:
    assert all(point.bridge for point in grid(parse_axes(["video_shift=1,5", "audio_shift=1,5"]), DEFAULTS))


def test_a_control_is_left_out_where_a_setting_has_no_part_without_the_bridge() -> None:
    axes = parse_axes(["bridge_guidance_scale=2", "text_guidance_scale=1,3", "guidance_rescale=0.5"])
    assert [point.values["text_guidance_scale"] for point in grid(axes, DEFAULTS) if not point.bridge] == [3.0]


@pytest.mark.parametrize("word", ["solver=1", "bridge=1", "retries=1", "height=48", "enlarge=2", "nonsense=1", ""])
def test_what_cannot_be_swept_is_refused_with_what_can_be(word: str) -> None:
    with pytest.raises(UsageError, match="cannot be swept: expected one of steps, text_guidance_scale"):
        parse_axes([word])
    assert {"bridge_guidance_scale", "video_shift", "audio_shift", "guidance_rescale", "frames"} <= set(SWEEPABLE)


@pytest.mark.parametrize(
    "word", ["steps=2.5", "video_shift=", "video_shift=1,,2", "video_shift=a", "video_shift=nan", "video_shift=inf"]
)
def test_values_are_numbers_of_the_setting(word: str) -> None:
    with pytest.raises(UsageError, match=r"--sweep has .*, expected (whole )?numbers"):
        parse_axes([word])


def test_a_value_or_a_setting_that_is_named_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="names a value twice"):
        parse_axes(["video_shift=1,1.0"])
    with pytest.raises(UsageError, match="names video_shift twice"):
        parse_axes(["video_shift=1", "video-shift=2"])


@pytest.mark.parametrize(
    "words", [["video_shift=0,1"], ["text_guidance_scale=-1"], ["steps=0"], ["guidance_sigma_min=2"], ["frames=34"]]
)
def test_a_value_out_of_range_is_refused_and_its_point_told(words: list[str]) -> None:
    name = words[0].partition("=")[0]
    with pytest.raises(UsageError, match=f"--sweep at {name} .*: .*"):
        grid(parse_axes(words), DEFAULTS)


def test_a_combination_that_cannot_be_is_refused_and_told() -> None:
    axes = parse_axes(["bridge_guidance_scale=1,2", "text_guidance_scale=1", "guidance_rescale=0.5"])
    with pytest.raises(UsageError, match=r"at bridge_guidance_scale 1, text_guidance_scale 1, guidance_rescale 0\.5"):
        grid(axes, DEFAULTS)


def test_a_point_is_told_by_its_values() -> None:
    assert described({"video_shift": 5.0}, bridge=False) == "video_shift 5, Bridge off"
