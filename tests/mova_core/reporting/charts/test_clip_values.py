"""Few clips are marks that name them, many are bars of shares; a reference stands beside them."""

import re

import pytest

from mova_core.reporting.charts.clip_values import FEW, clip_values_chart
from mova_core.reporting.charts.set_bars import SetValue, set_bars_chart


def titles(svg: str) -> list[str]:
    return re.findall(r"<title>(.*?)</title>", svg)


def test_few_clips_are_marks_that_name_them() -> None:
    svg = clip_values_chart("AV-Align", [("a", 0.25), ("b <c>", 0.25)], [("a", 0.5)])
    assert titles(svg) == ["a: 0.25", "b &lt;c&gt;: 0.25", "a: 0.5 (reference)"]
    assert svg.count('class="mean"') == 1 and 'aria-label="AV-Align over clips"' in svg


def test_many_clips_are_shares_of_bars_whatever_their_number() -> None:
    clips = [(f"{index}", float(index % 2)) for index in range(2 * FEW)]
    svg = clip_values_chart("x", clips, [("only", 1.0)])
    told = titles(svg)
    assert told[0].endswith("50.0% of the clips, 0.0% of the reference")
    assert told[-1].endswith("50.0% of the clips, 100.0% of the reference")
    assert svg.count('class="reference"') == 1


@pytest.mark.parametrize("clips", [1, FEW + 1])
def test_one_value_alone_is_drawn(clips: int) -> None:
    svg = clip_values_chart("x", [(f"{index}", 0.5) for index in range(clips)], [])
    assert titles(svg) and "nan" not in svg.lower()


def test_a_bar_a_set_with_names_as_they_are() -> None:
    svg = set_bars_chart("x", [SetValue("set $1$", 0.5, 2, 0.25, 0.75), SetValue("b\x01", -0.5, 1)])
    assert titles(svg) == ["set $1$: 0.5, 2 clips", "b\\x01: -0.5, 1 clip"]
    assert "set $1$</text>" in svg
