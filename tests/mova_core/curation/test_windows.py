"""Windows keep their kind's promise on any timeline, and are the report's on timelines worked out by hand."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mova_core.curation.tables import WINDOW_KINDS
from mova_core.curation.windows import MICRO, Timeline, common_span, find_windows
from mova_core.errors import MediaError
from mova_core.geometry import GEOMETRIES

LONG = GEOMETRIES["mova-720p"]  # 193 frames at 24 fps
L = LONG.duration_s
SOURCE = "0123456789abcdef" * 4
MS = 1e-3 + 1e-9


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Spans up to 90 s that may start late, with cuts and speech anywhere, also outside the span."""
    start = draw(st.integers(0, 3 * MICRO)) / MICRO
    span = (start, start + draw(st.integers(0, 90 * MICRO)) / MICRO)
    times = st.integers(0, 100 * MICRO).map(lambda time: time / MICRO)
    cuts = draw(st.lists(times, max_size=8))
    edges = sorted(draw(st.lists(times, max_size=24, unique=True)))
    return Timeline.from_seconds(span, cuts, zip(edges[::2], edges[1::2], strict=False))


def of_kind(timeline: Timeline, kind: str, seed: int = 0, geometry=LONG) -> list[float]:
    return [row["start_s"] for row in find_windows(timeline, geometry, seed, SOURCE) if row["kind"] == kind]


@given(timelines(), st.sampled_from(["nano-48", "mova-720p"]), st.integers(0, 2**31))
def test_every_window_keeps_the_promise_of_its_kind(timeline, name, seed):
    geometry = GEOMETRIES[name]
    span, cuts, speech = timeline.span, timeline.cuts_us, timeline.speech
    rows = find_windows(timeline, geometry, seed, SOURCE)
    for row in rows:
        start, end = row["start_s"], row["end_s"]
        assert end - start == pytest.approx(geometry.frames / geometry.fps, abs=1e-9)
        assert span[0] / MICRO <= start and end <= span[1] / MICRO + MS
        inside = [cut for cut in cuts if start < cut / MICRO < end]
        assert bool(inside) == row["kind"].startswith("multi")
        spoken = sum(max(0.0, min(b / MICRO, end) - max(a / MICRO, start)) for a, b in speech)
        if row["kind"].endswith("nonspeech"):
            assert spoken < 1e-9
        else:
            assert any(start <= a / MICRO < end for a, _ in speech), "speech begins in it"
    assert len({row["window_id"] for row in rows}) == len(rows)
    assert [row["start_s"] for row in rows] == sorted(row["start_s"] for row in rows)


@given(timelines(), st.integers(0, 2**31))
def test_every_speech_window_starts_where_the_report_lets_it(timeline, seed):
    for row in find_windows(timeline, LONG, seed, SOURCE):
        if row["kind"].endswith("nonspeech"):
            continue
        start = round(row["start_s"] * MICRO)
        # The segment it was drawn for is the first that starts at or after it.
        i, segment_us = next((i, a) for i, (a, _) in enumerate(timeline.speech) if a >= start)
        before = timeline.speech[i - 1][1] if i else timeline.span[0]
        last_cut = max((cut for cut in timeline.cuts_us if cut <= segment_us), default=timeline.span[0])
        assert max(before, last_cut, segment_us - L / 2 * MICRO) <= start <= segment_us


@given(timelines(), st.integers(0, 2**31))
def test_windows_of_one_seed_repeat(timeline, seed):
    assert find_windows(timeline, LONG, seed, SOURCE) == find_windows(timeline, LONG, seed, SOURCE)


def test_other_seeds_and_other_sources_draw_other_windows():
    timeline = Timeline.from_seconds((0, 60), [2, 21], [(1, 3), (20, 20.5), (35, 36), (50, 51)])
    one = find_windows(timeline, LONG, 1, SOURCE)
    assert one != find_windows(timeline, LONG, 2, SOURCE)
    other = find_windows(timeline, LONG, 1, "f" * 64)
    assert [row["start_s"] for row in one] != [row["start_s"] for row in other]


def test_multi_scene_speech_follows_the_report():
    speech = [(1, 2), (4, 5), (9.5, 10), (12, 13), (19, 20), (27.5, 28)]
    timeline = Timeline.from_seconds((0, 60), [3, 9.2, 40], speech)
    for seed in range(50):
        starts = of_kind(timeline, "multi_scene_speech", seed)
        # From 1 s to 9.04 s over the cut at 3: kept. Next segment after that: 9.5 s, drawn after the cut at 9.2 s; its
        # window ends by 17.55 s and holds no cut: walked over, not kept. Then 19 s and 27.5 s, no cut there either.
        assert starts == [1.0]


def test_draws_fill_the_interval_that_the_report_gives():
    timeline = Timeline.from_seconds((0, 40), [2, 21], [(1, 3), (20, 20.5)])
    drawn = [of_kind(timeline, "multi_scene_speech", seed)[1] for seed in range(300)]
    low, high = 20 - L / 2, 20  # half a window; neither the speech before nor the cut at 2 s reaches so far
    assert min(drawn) >= low and max(drawn) <= high
    assert min(drawn) < low + 0.1 and max(drawn) > high - 0.1
    assert sum(drawn) / len(drawn) == pytest.approx((low + high) / 2, abs=0.25)


def test_single_scene_speech_stays_inside_its_scene():
    # Scene 0 to 10: 1 s + L fits, then nothing does. Scene 10 to 17: shorter than L. Scene 17 to 40: first segment
    # that starts inside is at 20 s (the one from 16 s began before), its window, then one drawn before 30 s.
    timeline = Timeline.from_seconds((0, 40), [10, 17], [(1, 2), (3, 9), (16, 18), (20, 21), (30, 39)])
    for seed in range(50):
        first, second, third = of_kind(timeline, "single_scene_speech", seed)
        assert (first, second) == (1.0, 20.0)
        assert 30 - L / 2 <= third <= 30


def test_a_single_scene_walk_stops_at_the_first_window_that_reaches_the_scenes_end():
    assert of_kind(Timeline.from_seconds((0, 60), [1 + L - 1e-3], [(1, 2)]), "single_scene_speech") == []
    assert of_kind(Timeline.from_seconds((0, 60), [1 + L + 1e-3], [(1, 2)]), "single_scene_speech") == [1.0]


def test_stretches_without_speech_are_tiled_from_their_start():
    timeline = Timeline.from_seconds((0, 50), [20], [(5, 6), (40, 41)])
    assert of_kind(timeline, "single_scene_nonspeech") == pytest.approx([6, 20, 20 + L, 41], abs=1e-6)
    assert of_kind(timeline, "multi_scene_nonspeech") == pytest.approx([6 + L], abs=1e-6)  # 6 + L .. 6 + 2 L holds 20


def test_tiles_lie_back_to_back():
    starts = of_kind(Timeline.from_seconds((0.123457, 90), [], []), "single_scene_nonspeech")
    assert len(starts) == int((90 - 0.123457) / L)
    assert all(after - before == pytest.approx(L, abs=1e-6) for before, after in itertools.pairwise(starts))


@pytest.mark.parametrize("late", [0.0, -0.0009])
def test_a_file_of_exactly_one_clip_gives_one_window(late):
    span = common_span((0, L + late), (0, 8.064), LONG)
    rows = find_windows(Timeline.from_seconds(span, [], []), LONG, 0, SOURCE)
    assert [(row["start_s"], row["kind"]) for row in rows] == [(0.0, "single_scene_nonspeech")]
    spoken = find_windows(Timeline.from_seconds(span, [], [(0, 8)]), LONG, 0, SOURCE)
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


def test_kinds_in_use_are_those_of_the_table():
    timeline = Timeline.from_seconds((0, 90), [30, 45, 80], [(2, 3), (25, 26), (50, 51)])
    assert {row["kind"] for row in find_windows(timeline, LONG, 0, SOURCE)} == set(WINDOW_KINDS)
