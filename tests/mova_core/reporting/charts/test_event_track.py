"""The track tells what the event F1 tells."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mova_core.media.audio.onsets import match_times
from mova_core.reporting.charts.event_track import LEFT, RIGHT, event_track

TOLERANCE_S, DURATION_S = 1 / 16, 2.0
times = st.lists(st.floats(0, DURATION_S), max_size=8).map(sorted)


def drawn(video: list[float], audio: list[float]) -> tuple[ElementTree.Element, str]:
    track = event_track(video, audio, TOLERANCE_S, DURATION_S)
    return ElementTree.fromstring(track.svg), track.sentence


def tooltips(svg: ElementTree.Element) -> list[str]:
    return [title.text or "" for title in svg.iter("{http://www.w3.org/2000/svg}title")]


@pytest.mark.parametrize(
    ("video", "audio", "sentence"),
    [
        ([0.5, 1.0], [0.51, 1.03], "2 of 2 events agree"),
        ([0.5, 1.0], [0.51], "1 of 2 events agree (1 only in the video)"),
        ([0.5], [0.51, 0.9, 1.4], "1 of 3 events agree (2 only in the audio)"),
        ([0.5], [1.4], "0 of 2 events agree (1 only in the video, 1 only in the audio)"),
        ([], [], "no event, neither in the video nor in the audio"),
    ],
)
def test_an_event_counts_once(video: list[float], audio: list[float], sentence: str) -> None:
    assert drawn(video, audio)[1] == sentence


@settings(max_examples=10, deadline=None)  # each draws a chart
@given(times, times)
def test_every_event_has_a_mark_and_every_pair_of_the_f1_a_line(video: list[float], audio: list[float]) -> None:
    svg, _ = drawn(video, audio)
    pairs = len(match_times(video, audio, TOLERANCE_S))
    for name, times_s in (("video", video), ("audio", audio)):
        marks = [text for text in tooltips(svg) if text.startswith(name)]
        assert len(marks) == len(times_s)
        assert sum(text.endswith("agrees") for text in marks) == pairs
    assert sum(each.get("class") == "joined" for each in svg.iter()) == pairs


def test_the_script_finds_the_line_to_move_and_how_far() -> None:
    svg, _ = drawn([], [0.0, 1.0])
    assert sum(each.get("class") == "now" for each in svg.iter()) == 1
    assert svg.get("data-reach") == str(RIGHT - LEFT) and "track" in svg.get("class", "").split()
    assert re.fullmatch(r"0 0 260 \d+", svg.get("viewBox", ""))
