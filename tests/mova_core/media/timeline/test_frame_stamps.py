"""Doubtful time stamps are repaired from sound ones, open GOPs and gaps are told apart from damage: by known frames."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from mova_core.errors import MediaError
from mova_core.media.timeline.frame_stamps import NO_TIME, display_times
from tests.mova_core.media.moving_film import FPS, Coded, Packets, everything, write

H264 = [Coded("mp4", "libx264"), Coded("matroska", "libx264"), Coded("mpegts", "libx264")]


def numbers(path: Path, whole: Path) -> tuple[list[tuple[float, int]], list]:
    """Time of each frame since the first one of the whole file, and which frame of it that is; what is lost."""
    true, _ = everything(whole)
    times, images = sorted(true), [true[time_s] for time_s in sorted(true)]
    found, lost = everything(path)
    return [
        (time_s - times[0], int(np.argmin([np.abs(image.astype(int) - shown).sum() for image in images])))
        for time_s, shown in sorted(found.items())
    ], lost


def assert_in_place(found: list[tuple[float, int]]) -> None:
    for time_s, number in found:
        assert abs(time_s - number / FPS) < 0.5 / FPS, f"frame {number} at {time_s:.3f} s"


def stamped(change: Callable[[int, Any], None]) -> Callable[[Packets, Packets], tuple[Packets, Packets]]:
    def changed(images: Packets, sounds: Packets) -> tuple[Packets, Packets]:
        for number, packet in enumerate(images):
            change(number, packet)
        return images, sounds

    return changed


@pytest.mark.parametrize("number", [7, 40, 75])
@pytest.mark.parametrize("coded", H264, ids=str)
def test_two_frames_of_one_time_stamp(tmp_path, coded, number):
    whole = write(tmp_path / "whole.bin", coded)

    def double(at: int, packet: Any) -> None:
        if at == number:
            packet.pts += 1

    found, lost = numbers(write(tmp_path / "doubled.bin", coded, change=stamped(double)), whole)
    assert_in_place(found)
    assert len(found) == 100 and not lost


@pytest.mark.parametrize("missing", [{6}, {33}, {51, 52}, {98}])
def test_frames_without_a_time_stamp_in_the_order_of_decoding(missing):
    """Frames shown I0 B1 B2 P3 …, decoded I0 P3 B1 B2 …, one packet 10 ticks."""
    order = [0, *(place for start in range(1, 100, 3) for place in (start + 2, start, start + 1))]
    shown = np.array([NO_TIME if at in missing else 10 * place for at, place in enumerate(order)])
    decoded = np.array([NO_TIME if at in missing else 10 * at - 10 for at in range(100)])
    times = display_times(shown, decoded, np.full(100, 10), stores_display_times=True)
    assert times.ticks.tolist() == [10 * place for place in range(100)] and not times.doubtful
    assert all(place in (-1, order[at]) for at, place in enumerate(times.places.tolist()))


def test_stamps_on_key_frames_alone():
    """As a transport stream may have it: every twelfth packet is a key frame and carries stamps."""
    order = [0, *(place for start in range(1, 97, 3) for place in (start + 2, start, start + 1))]
    shown = np.array([10 * place if at % 12 == 1 or at == 0 else NO_TIME for at, place in enumerate(order)])
    decoded = np.array([10 * at - 10 if at % 12 == 1 or at == 0 else NO_TIME for at in range(97)])
    times = display_times(shown, decoded, np.full(97, 10), stores_display_times=True)
    assert times.ticks.tolist() == [10 * place for place in range(97)]


def test_a_frame_for_which_the_others_leave_no_room_is_refused():
    order = [0, *(place for start in range(1, 100, 3) for place in (start + 2, start, start + 1))]
    shown = np.array([10 * place for place in order])
    shown = np.insert(shown, 40, NO_TIME)
    with pytest.raises(MediaError, match=r"frame 41 .* leave no room") as error:
        display_times(shown, 10 * np.arange(101), np.full(101, 10), stores_display_times=True)
    assert error.value.code == "no_clock"


@pytest.mark.parametrize("first", [30, 37, 52])
@pytest.mark.parametrize("container", ["mpegts", "matroska"])
def test_an_open_gop_recording_cut_by_stream_copy(tmp_path, container, first):
    coded = Coded(container, "libx264", options="g=25,x264-params=open-gop=1:bframes=3")
    whole = write(tmp_path / "whole.bin", coded)
    cut = write(tmp_path / "cut.bin", coded, change=lambda images, sounds: (images[first:], sounds[first * 2 :]))
    true, _ = everything(whole)
    found, lost = everything(cut)
    images = {image.tobytes() for image in true.values()}
    assert len(found) >= 100 - first - 25 and all(image.tobytes() in images for image in found.values())
    assert not lost


@pytest.mark.parametrize("coded", [*H264, Coded("matroska", "mjpeg", options="")], ids=str)
def test_a_second_of_lost_packets_is_a_gap_until_the_next_key_frame(tmp_path, coded):
    whole = write(tmp_path / "whole.bin", coded)
    path = write(tmp_path / "gap.bin", coded, change=lambda images, sounds: (images[:30] + images[55:], sounds))
    found, lost = numbers(path, whole)
    assert_in_place(found)
    (gap,) = lost
    assert (gap.code, gap.stream) == ("gap", "video") and "nothing was recorded" in gap.reason
    assert gap.start_s <= 1.3 and 2.15 < gap.end_s <= 3.1
    true, given = everything(whole)[0], everything(path)[0]
    images = {image.tobytes() for image in true.values()}
    assert all(image.tobytes() in images for image in given.values()), "no frame that was predicted over the gap"


REFERRING = [
    Coded("matroska", "libx264", options="g=50"),
    Coded("mp4", "libx264", options="g=50,x264-params=b-adapt=0:bframes=3:ref=4"),
    Coded("mpegts", "libx264", options="g=50,x264-params=bframes=0"),
    Coded("matroska", "libx265", options="g=50,x265-params=log-level=none"),
]


@pytest.mark.parametrize(
    "coded",
    [*REFERRING, Coded("matroska", "mpeg4", options="g=50,bf=2"), Coded("avi", "mjpeg", "pcm_s16le", "")],
    ids=str,
)
def test_where_a_packet_is_missing_no_frame_that_refers_to_it_is_given(tmp_path, coded):
    true = everything(write(tmp_path / "whole.bin", coded, seconds=2.0))[0]
    images = {image.tobytes() for image in true.values()}
    for missing in range(33, 40):
        drop = lambda images, sounds: (images[:missing] + images[missing + 1 :], sounds)  # noqa: B023, E731
        given = everything(write(tmp_path / "gap.bin", coded, seconds=2.0, change=drop))[0]
        assert len(given) >= 30 and all(image.tobytes() in images for image in given.values()), missing


@pytest.mark.parametrize("coded", REFERRING[1::2], ids=str)
def test_a_missing_packet_that_no_gap_tells_is_noticed_by_who_refers_to_it(tmp_path, coded):
    draws = np.random.default_rng(3).random(50)
    varying = {"seconds": 2.0, "dropped": [number for number in range(1, 50) if draws[number] < 0.3]}
    true = everything(write(tmp_path / "whole.bin", coded, **varying))[0]
    images = {image.tobytes() for image in true.values()}
    for missing in range(16, 22):
        drop = lambda images, sounds: (images[:missing] + images[missing + 1 :], sounds)  # noqa: B023, E731
        given = everything(write(tmp_path / "gap.bin", coded, **varying, change=drop))[0]
        assert len(given) >= 10 and all(image.tobytes() in images for image in given.values()), missing


@pytest.mark.parametrize("coded", REFERRING, ids=str)
@pytest.mark.parametrize("count", [1, 2, 15])
def test_frames_that_a_recorder_drops_cost_no_others(tmp_path, coded, count):
    """No frame refers to one that was never encoded; up to 40 ms are no gap, more is one as long as it is."""
    dropped = range(37, 37 + count)
    given, lost = everything(write(tmp_path / "dropped.bin", coded, seconds=2.2, dropped=dropped))
    assert len(given) == 55 - count
    if count == 1:
        assert not lost
    else:
        (gap,) = lost
        assert (gap.code, gap.stream) == ("gap", "video")
        assert gap.end_s - gap.start_s == pytest.approx(count / FPS, abs=2e-3)


def test_a_varying_frame_rate_is_no_gap(tmp_path):
    """Frames are missing here and there, as screen recorders and phones leave them out."""
    draws = np.random.default_rng(3).random(100)
    coded = Coded("matroska", "mjpeg", options="")
    keep = lambda images, sounds: ([p for p, draw in zip(images, draws, strict=True) if draw > 0.3], sounds)  # noqa: E731
    whole = write(tmp_path / "whole.bin", coded)
    found, lost = numbers(write(tmp_path / "varying.bin", coded, change=keep), whole)
    assert_in_place(found)
    assert not lost and len(found) == int((draws > 0.3).sum())


def test_recordings_joined_as_they_are_are_told_so(tmp_path):
    one = write(tmp_path / "one.ts", Coded("mpegts", "libx264"))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one.read_bytes() * 2)
    with pytest.raises(MediaError, match="recordings that were joined") as error:
        everything(joined)
    assert error.value.code == "clock_jump"
    with av.open(str(one)) as container:
        assert container.streams.video
