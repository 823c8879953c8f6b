"""Windows keep their kind's promise on any found, and are the report's on timelines worked out by hand."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mova_core.curation.segment.intervals import occupied, outside
from mova_core.curation.segment.spans import common_span
from mova_core.curation.segment.windows import (
    FINDERS,
    MICRO,
    ClipTiming,
    SourceSegments,
    find_windows,
    multi_scene_speech,
    single_scene_speech,
)
from mova_core.curation.tables import WINDOW_KINDS
from mova_core.errors import MediaError
from mova_core.geometry import GEOMETRIES

LONG = GEOMETRIES["mova-720p"]  # 193 frames at 24 fps
L = LONG.duration_s
SOURCE = "0123456789abcdef" * 4
MS = 1e-3 + 1e-9


@st.composite
def timelines(draw: st.DrawFn) -> SourceSegments:
    """Spans up to 90 s that may start late, with cuts and speech anywhere, also outside the span."""
    start = draw(st.integers(0, 3 * MICRO)) / MICRO
    span = (start, start + draw(st.integers(0, 90 * MICRO)) / MICRO)
    times = st.integers(0, 100 * MICRO).map(lambda time: time / MICRO)
    cuts = draw(st.lists(times, max_size=8))
    edges = sorted(draw(st.lists(times, max_size=24, unique=True)))
    return SourceSegments.from_seconds(span, cuts, zip(edges[::2], edges[1::2], strict=False))


def of_kind(found: SourceSegments, kind: str, seed: int = 0, geometry=LONG) -> list[float]:
    """Starts, without those in what remains."""
    draws = np.random.default_rng(seed)
    return [start_us / MICRO for start_us in FINDERS[kind](found, ClipTiming.of(geometry), draws)]


@given(timelines(), st.sampled_from(["nano-48", "mova-720p"]), st.integers(0, 2**31))
def test_every_window_keeps_the_promise_of_its_kind(found, name, seed):
    geometry = GEOMETRIES[name]
    span, cuts, speech = found.span, found.cuts_us, found.speech
    rows = find_windows([found], geometry, seed, SOURCE)
    for row in rows:
        start, end = row["start_s"], row["end_s"]
        assert end - start == pytest.approx(geometry.frames / geometry.fps, abs=1e-9)
        assert span[0] / MICRO <= start and end <= span[1] / MICRO + MS
        half_s = 0.5 / geometry.fps
        shown = [cut for cut in cuts if start + half_s + 1e-6 < cut / MICRO <= end - half_s - 1e-6]
        near = [cut for cut in cuts if start + half_s - 1e-6 < cut / MICRO <= end - half_s + 1e-6]
        assert bool(shown) <= row["kind"].startswith("multi") <= bool(near)
        spoken = sum(max(0.0, min(b / MICRO, end) - max(a / MICRO, start)) for a, b in speech)
        if row["kind"].endswith("nonspeech"):
            assert spoken < 1e-9
        else:
            assert spoken > 0
    assert len({row["window_id"] for row in rows}) == len(rows)
    assert [row["start_s"] for row in rows] == sorted(row["start_s"] for row in rows)


@given(timelines(), st.integers(0, 2**31))
def test_every_speech_window_starts_where_the_report_lets_it(found, seed):
    draws = np.random.default_rng(seed)
    for start in itertools.chain(
        single_scene_speech(found, ClipTiming.of(LONG), draws),
        multi_scene_speech(found, ClipTiming.of(LONG), draws),
    ):
        # The segment it was drawn for is the first that starts at or after it.
        i, segment_us = next((i, a) for i, (a, _) in enumerate(found.speech) if a >= start)
        before = found.speech[i - 1][1] if i else found.span[0]
        last_cut = max((cut for cut in found.cuts_us if cut <= segment_us), default=found.span[0])
        assert max(before, last_cut, segment_us - L / 2 * MICRO) <= start <= segment_us


@given(timelines(), st.sampled_from(["nano-48", "mova-720p"]), st.integers(0, 2**31))
def test_windows_of_one_kind_overlap_by_less_than_the_half_that_the_report_lets_them(found, name, seed):
    geometry = GEOMETRIES[name]
    for kind in WINDOW_KINDS:
        starts = of_kind(found, kind, seed, geometry)
        # The next speech starts after a window's end, and its window at most half a window before it.
        most_s = 0 if kind.endswith("nonspeech") else geometry.duration_s / 2
        for before, after in itertools.pairwise(starts):
            overlap_s = before + geometry.duration_s - after
            assert overlap_s <= most_s + 2e-6, kind
            crossed = any(before < cut / MICRO <= after for cut in found.cuts_us)
            assert overlap_s <= 2e-6 or not (crossed and kind == "single_scene_speech"), "scenes share nothing"


@given(timelines(), st.sampled_from(list(GEOMETRIES.values())))
def test_a_window_has_the_clips_number_of_frames(found, geometry):
    for row in find_windows([found], geometry, 0, SOURCE):
        steps = (row["end_s"] - row["start_s"]) * float(geometry.fps)
        assert steps == pytest.approx(geometry.frames, abs=1e-6)


@given(timelines(), st.integers(0, 2**31))
def test_windows_of_one_seed_repeat(found, seed):
    assert find_windows([found], LONG, seed, SOURCE) == find_windows([found], LONG, seed, SOURCE)


def test_a_seed_draws_the_same_windows_for_ever():
    found = SourceSegments.from_seconds((0, 60), [2, 21], [(1, 3), (20, 20.5), (35, 36), (50, 51)])
    rows = find_windows([found], LONG, 1, SOURCE)
    drawn = [(row["start_s"], row["kind"]) for row in rows if not row["kind"].endswith("nonspeech")]
    assert drawn == [
        (1.0, "multi_scene_speech"),
        (16.120114, "multi_scene_speech"),
        (35.0, "single_scene_speech"),
        (46.120114, "single_scene_speech"),
    ]


def test_other_seeds_and_other_sources_draw_other_windows():
    found = SourceSegments.from_seconds((0, 60), [2, 21], [(1, 3), (20, 20.5), (35, 36), (50, 51)])
    one = find_windows([found], LONG, 1, SOURCE)
    assert one != find_windows([found], LONG, 2, SOURCE)
    other = find_windows([found], LONG, 1, "f" * 64)
    assert [row["start_s"] for row in one] != [row["start_s"] for row in other]


class Lowest(np.random.Generator):
    """Draws the lower end of every interval."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def integers(self, low, high, endpoint):
        assert endpoint and low <= high
        return low


class Highest(Lowest):
    """Draws the upper end of every interval."""

    def integers(self, low, high, endpoint):
        super().integers(low, high, endpoint)
        return high


def walked(finder, found: SourceSegments, rng: np.random.Generator) -> list[float]:
    """Starts in seconds of windows of 8 s."""
    return [start_us / MICRO for start_us in finder(found, ClipTiming(Fraction(8 * MICRO), Fraction(MICRO, 48)), rng)]


def test_multi_scene_speech_worked_out_by_hand():
    speech = [(2, 4), (6, 9), (12, 13), (30, 31), (34, 35), (50, 58.5), (60, 61), (96, 97)]
    found = SourceSegments.from_seconds((0, 100), [5, 33, 48, 52, 65, 99], speech)
    # Segment at 2: starts there, over the cut at 5: kept. The next after its end at 10 is that at 12, drawn from
    # max(9 speech, 5 cut, 12 - 4) = 9 on, no cut in it: walked over. 30: from max(13, 5, 26) = 26, over 33: kept. The
    # segment at 34 starts no later than a window from 26 ends. 50: from max(35, 48, 46) = 48, over 52: kept. 60: from
    # max(58.5, 52, 56) = 58.5, over 65: kept. 96: from max(61, 65, 92) = 92, over 99, ends with the source: kept; drawn
    # any later it would leave the source.
    assert walked(multi_scene_speech, found, Lowest()) == [2, 26, 48, 58.5, 92]
    assert walked(multi_scene_speech, found, Highest()) == [2, 30, 50, 60]


def test_single_scene_speech_worked_out_by_hand():
    first = [(1, 2), (9, 10), (11, 12), (19, 23)]
    second = [(24, 25), (36, 37), (42, 43), (48, 49)]
    rest = [(51, 52), (57, 58), (80, 81), (88.5, 90)]
    found = SourceSegments.from_seconds((0, 90), [20, 50, 56], first + second + rest)
    # Scene 0-20: from 1. 9 is not after that window's end. 11: from max(10 speech, 0 scene, 7) = 10. 19: from
    # max(12, 0, 15) = 15, which reaches the scene's end: stop.
    # Scene 20-50: the speech from 19 began before it, so from 24. 36: from max(25, 20, 32) = 32, ends at 40; 42: from
    # max(37, 20, 38) = 38 (a window from 36 would end at 44, past 42). 48: from max(43, 20, 44) = 44: stop.
    # Scene 50-56 is shorter than a window. Scene 56-90: from 57. 80: from max(58, 56, 76) = 76. 88.5: from
    # max(81, 56, 84.5) = 84.5: stop.
    assert walked(single_scene_speech, found, Lowest()) == [1, 10, 24, 32, 38, 57, 76]
    assert walked(single_scene_speech, found, Highest()) == [1, 11, 24, 36, 57, 80]


def test_multi_scene_speech_follows_the_report():
    speech = [(1, 2), (4, 5), (9.5, 10), (12, 13), (19, 20), (27.5, 28)]
    found = SourceSegments.from_seconds((0, 60), [3, 9.2, 40], speech)
    for seed in range(50):
        starts = of_kind(found, "multi_scene_speech", seed)
        # From 1 s to 9.04 s over the cut at 3: kept. Next segment after that: 9.5 s, drawn after the cut at 9.2 s; its
        # window ends by 17.55 s and holds no cut: walked over, not kept. Then 19 s and 27.5 s, no cut there either.
        assert starts == [1.0]


def test_draws_fill_the_interval_that_the_report_gives():
    found = SourceSegments.from_seconds((0, 40), [2, 21], [(1, 3), (20, 20.5)])
    drawn = [of_kind(found, "multi_scene_speech", seed)[1] for seed in range(300)]
    low, high = 20 - L / 2, 20  # half a window; neither the speech before nor the cut at 2 s reaches so far
    assert min(drawn) >= low and max(drawn) <= high
    assert min(drawn) < low + 0.1 and max(drawn) > high - 0.1
    assert sum(drawn) / len(drawn) == pytest.approx((low + high) / 2, abs=0.25)


def test_single_scene_speech_stays_inside_its_scene():
    # Scene 0 to 10: 1 s + L fits, then nothing does. Scene 10 to 17: shorter than L. Scene 17 to 40: first segment
    # that starts inside is at 20 s (the one from 16 s began before), its window, then one drawn before 30 s.
    found = SourceSegments.from_seconds((0, 40), [10, 17], [(1, 2), (3, 9), (16, 18), (20, 21), (30, 39)])
    for seed in range(50):
        first, second, third = of_kind(found, "single_scene_speech", seed)
        assert (first, second) == (1.0, 20.0)
        assert 30 - L / 2 <= third <= 30


def test_a_single_scene_walk_stops_at_the_first_window_that_reaches_the_scenes_end():
    assert of_kind(SourceSegments.from_seconds((0, 60), [1 + L - 1e-3], [(1, 2)]), "single_scene_speech") == []
    assert of_kind(SourceSegments.from_seconds((0, 60), [1 + L + 1e-3], [(1, 2)]), "single_scene_speech") == [1.0]


def test_intervals_without_speech_are_tiled_from_their_start():
    found = SourceSegments.from_seconds((0, 50), [20], [(5, 6), (40, 41)])
    assert of_kind(found, "single_scene_nonspeech") == pytest.approx([6, 20, 20 + L, 41], abs=1e-6)
    assert of_kind(found, "multi_scene_nonspeech") == pytest.approx([6 + L], abs=1e-6)  # 6 + L .. 6 + 2 L holds 20


def test_tiles_lie_back_to_back():
    starts = of_kind(SourceSegments.from_seconds((0.123457, 90), [], []), "single_scene_nonspeech")
    assert len(starts) == int((90 - 0.123457) / L)
    assert all(after - before == pytest.approx(L, abs=1e-6) for before, after in itertools.pairwise(starts))


@pytest.mark.parametrize("late", [0.0, -0.0009])
def test_a_file_of_exactly_one_clip_gives_one_window(late):
    span = common_span((0, L + late), (0, 8.064), LONG)
    rows = find_windows([SourceSegments.from_seconds(span, [], [])], LONG, 0, SOURCE)
    assert [(row["start_s"], row["kind"]) for row in rows] == [(0.0, "single_scene_nonspeech")]
    spoken = find_windows([SourceSegments.from_seconds(span, [], [(0, 8)])], LONG, 0, SOURCE)
    assert [(row["start_s"], row["kind"]) for row in spoken] == [(0.0, "single_scene_speech")]


@pytest.mark.parametrize(
    ("video", "audio", "code"),
    [
        ((0, 8.0333), (0.013, 8.0139), "too_short"),
        ((0, 8.0), (0, 8.0), "too_short"),
        ((0, 2.0), (0, 10.0), "video_too_short"),
        ((0, 11.73), (0, 8.0003), "audio_too_short"),
        ((0, 10.0), (2.476, 12.507), "audio_too_short"),
        ((0, 10.0), (20, 30), "audio_too_short"),
    ],
)
def test_what_is_shorter_than_a_window_says_which_stream_is(video, audio, code):
    with pytest.raises(MediaError) as caught:
        common_span(video, audio, LONG)
    assert caught.value.code == code


def test_speech_that_outlasts_its_window_gives_more_of_them():
    # The report's window starts with the speech; three more follow back to back, and 1.6 s remain.
    short = GEOMETRIES["nano-48"]
    rows = find_windows([SourceSegments.from_seconds((0, 10), [], [(0.16, 10)])], short, 0, SOURCE)
    starts = [0.16 + number * short.duration_s for number in range(4)]
    assert [row["start_s"] for row in rows] == pytest.approx(starts, abs=1e-5)
    assert {row["kind"] for row in rows} == {"single_scene_speech"}


@given(timelines(), st.sampled_from(["nano-48", "mova-720p"]), st.integers(0, 2**31))
def test_nothing_as_long_as_a_window_remains_where_video_and_audio_run(found, name, seed):
    length_us = GEOMETRIES[name].duration * MICRO
    rows = find_windows([found], GEOMETRIES[name], seed, SOURCE)
    taken = occupied([round(row["start_s"] * MICRO) for row in rows], length_us)
    assert all(end - start < length_us for start, end in outside(taken, found.span))


def test_kinds_in_use_are_those_of_the_table():
    found = SourceSegments.from_seconds((0, 90), [30, 45, 80], [(2, 3), (25, 26), (50, 51)])
    assert {row["kind"] for row in find_windows([found], LONG, 0, SOURCE)} == set(WINDOW_KINDS)


@pytest.mark.parametrize("geometry", [LONG, GEOMETRIES["nano-48"]], ids=lambda geometry: geometry.name)
@pytest.mark.parametrize(("of_frame", "shown"), [(-0.4, False), (-0.6, True)])
def test_a_cut_near_the_end_is_in_the_clip_only_where_a_frame_shows_it(geometry, of_frame, shown):
    """The last frame of a clip is looked up half a frame before its end."""
    clip_s, frame_s = geometry.duration_s, 1 / geometry.fps
    found = SourceSegments.from_seconds((0, clip_s + 1), [clip_s + of_frame * frame_s], [(0, clip_s + 1)])
    (row,) = find_windows([found], geometry, 0, SOURCE)
    assert row["kind"] == ("multi_scene_speech" if shown else "single_scene_speech")
    early = SourceSegments.from_seconds((0, clip_s), [-of_frame * frame_s], [(0, clip_s)])
    (row,) = find_windows([early], geometry, 0, SOURCE)
    assert (row["start_s"], row["kind"]) == (0, "multi_scene_speech" if shown else "single_scene_speech")
