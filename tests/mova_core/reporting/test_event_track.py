"""The track tells what the event F1 tells."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mova_core.media.onsets import match_times
from mova_core.reporting.event_track import LEFT, RIGHT, event_track

TOLERANCE_S, DURATION_S = 1 / 16, 2.0
times = st.lists(st.floats(0, DURATION_S), max_size=8).map(sorted)


def drawn(picture: list[float], sound: list[float]) -> tuple[ElementTree.Element, str]:
    track = event_track(picture, sound, TOLERANCE_S, DURATION_S)
    return ElementTree.fromstring(track.svg), track.sentence


@pytest.mark.parametrize(
    ("picture", "sound", "sentence"),
    [
        ([0.5, 1.0], [0.51, 1.03], "2 of 2 events agree"),
        ([0.5, 1.0], [0.51], "1 of 2 events agree (1 only seen)"),
        ([0.5], [0.51, 0.9, 1.4], "1 of 3 events agree (2 only heard)"),
        ([0.5], [1.4], "0 of 2 events agree (1 only seen, 1 only heard)"),
        ([], [], "no event, neither seen nor heard"),
    ],
)
def test_an_event_counts_once(picture: list[float], sound: list[float], sentence: str) -> None:
    assert drawn(picture, sound)[1] == sentence


@given(times, times)
def test_every_event_has_a_mark_and_every_pair_of_the_f1_a_line(picture: list[float], sound: list[float]) -> None:
    svg, _ = drawn(picture, sound)
    pairs = len(match_times(picture, sound, TOLERANCE_S))
    marks = [svg.findall("rect"), svg.findall("circle")]
    assert [len(each) for each in marks] == [len(picture), len(sound)]
    for each in marks:
        assert sum(mark.get("class") == "agrees" for mark in each) == pairs
    assert sum(path.get("class") == "joined" for path in svg.findall("path")) == pairs


def test_time_runs_from_left_to_right() -> None:
    svg, _ = drawn([], [0.0, 1.0, DURATION_S])
    assert [float(mark.get("cx", "nan")) for mark in svg.findall("circle")] == [LEFT, (LEFT + RIGHT) / 2, RIGHT]
    assert re.fullmatch(r"0 0 \d+ \d+", svg.get("viewBox", ""))
