"""Windows of one pass get exactly their frames and samples, and nothing moves by more than half a frame."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mova_core.curation.cut.resample import WindowAudio, WindowFrames
from mova_core.errors import MediaError
from mova_core.geometry import Canvas, ClipGeometry

TINY = ClipGeometry("tiny", 9, 16, (Canvas(16, 16),), 1600, 320, 1)  # 0.5625 s, 900 samples


def frames_of(times_s, starts_s, geometry=TINY):
    """Which frame (by index) each frame of each window shows."""
    images, frames = WindowFrames(starts_s, geometry), [[] for _ in starts_s]
    pushed = [shown for index, time_s in enumerate(times_s) for shown in images.push(time_s, index)]
    for shown in pushed + images.end():
        frames[shown.window] += [shown.image] * shown.times
    return images, frames


def expected(times_s, start_s, geometry=TINY):
    """The rule, word for word."""
    targets = [start_s + (k + 0.5) / geometry.fps for k in range(geometry.frames)]
    return [max(i for i, time_s in enumerate(times_s) if time_s <= target + 1e-6) for target in targets]


@settings(max_examples=60, deadline=None)
@given(
    gaps_ms=st.lists(st.integers(12, 120), min_size=90, max_size=100),
    starts_ms=st.lists(st.integers(0, 400), min_size=1, max_size=4),
)
def test_every_frame_follows_the_rule_however_the_rate_varies(gaps_ms, starts_ms):
    times_s = np.cumsum([0, *gaps_ms]) / 1000
    starts_s = [start / 1000 for start in sorted(starts_ms)]
    images, frames = frames_of(times_s, starts_s)
    for window, start_s in enumerate(starts_s):
        assert images.is_whole(window)
        assert frames[window] == expected(times_s, start_s)


@pytest.mark.parametrize("fps", [24, 25, 30000 / 1001, 30, 60])
def test_a_frame_moves_by_at_most_half_a_frame(fps):
    times_s = np.arange(200) / fps
    start_s = 0.123456
    _, [frames] = frames_of(times_s, [start_s])
    for index, (before, after) in enumerate(pairwise(frames), start=1):
        if after != before:
            assert -0.5 / 16 - 1e-6 <= start_s + index / 16 - times_s[after] <= 0.5 / 16 + 1e-6


def test_the_same_rate_gives_each_frame_once():
    times_s = np.round(np.arange(40) / 16, 3)  # a millisecond clock
    _, frames = frames_of(times_s, [0.0, 0.5, 0.5])
    assert frames == [list(range(9)), list(range(8, 17)), list(range(8, 17))]


def test_a_window_as_long_as_the_source_is_whole():
    images, [frames] = frames_of(np.round(np.arange(9) / 16, 3), [0.0])  # a millisecond clock
    assert images.is_whole(0) and frames == list(range(9))


def test_windows_that_the_frames_do_not_fill_are_refused():
    images, frames = frames_of(1 + np.arange(16) / 16, [0.5, 1.2, 1.5])
    assert [len(window) for window in frames] == [0, 9, 8]
    images.check_whole(1)
    for window in (0, 2):
        with pytest.raises(MediaError, match="9 are needed") as error:
            images.check_whole(window)
        assert error.value.code == "short_video"


def pushed(samples, start_s, starts_s, pieces):
    audio, begin = WindowAudio(starts_s, TINY), 0
    for end in [*pieces, len(samples)]:
        audio.push(start_s + begin / 1600, samples[begin:end])
        begin = end
    return audio


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 2999), max_size=12).map(sorted),
    starts=st.lists(st.integers(0, 2100), min_size=1, max_size=4).map(sorted),
    begin=st.sampled_from([0.0, -0.25, 1.5]),
)
def test_samples_come_whole_whatever_the_pieces(cuts, starts, begin):
    samples = np.arange(3000, dtype=np.float32)
    audio = pushed(samples, begin, [begin + start / 1600 for start in starts], cuts)
    for window, start in enumerate(starts):
        assert audio.is_whole(window)
        np.testing.assert_array_equal(audio.take(window), samples[start : start + 900])


def test_a_start_between_samples_takes_the_nearest():
    audio = pushed(np.arange(3000, dtype=np.float32), 0.0, [100.4 / 1600, 100.6 / 1600], [])
    assert audio.take(0)[0] == 100 and audio.take(1)[0] == 101


def test_within_the_tolerance_silence_is_added_beyond_it_the_window_is_refused():
    samples = np.ones(900, np.float32)
    audio = pushed(samples, 0.0, [-0.01, -0.001, 0.0, 0.001, 0.01], [400])
    assert [int(audio.take(window).sum()) for window in (1, 2, 3)] == [898, 900, 898]
    for window in (0, 4):
        with pytest.raises(MediaError, match=r"lacks 0\.010 s") as error:
            audio.take(window)
        assert error.value.code == "short_audio"


def test_a_source_without_audio_fills_nothing():
    with pytest.raises(MediaError, match="lacks"):
        WindowAudio([0.0], TINY).take(0)
