"""Damage costs what it touches: every frame given out is that of the undamaged file, every other one is told lost."""

from pathlib import Path

import av
import numpy as np
import pytest

from mova_core.errors import MediaError
from mova_core.media.decode import decode_whole
from mova_core.media.probe import probe
from tests.mova_core.media.moving_film import FPS, Coded, everything, spoilt, write

FILMS = [
    Coded("mp4", "libx264"),
    Coded("matroska", "libx264"),
    Coded("mpegts", "libx264"),
    Coded("avi", "libx264", "pcm_s16le"),
    Coded("matroska", "libx264", options="g=25,x264-params=open-gop=1:bframes=3"),
    Coded("mp4", "libx265", options="g=25,x265-params=log-level=none:open-gop=1:bframes=3"),
    Coded("mpegts", "mpeg2video", "mp2", "g=12,bf=2"),
    Coded("avi", "mpeg4", "pcm_s16le", "g=12,bf=2"),
    Coded("webm", "libvpx-vp9", "libopus", "g=25,deadline=realtime,cpu-used=8"),
    Coded("asf", "wmv2", "pcm_s16le", "g=12"),
]


def assert_true_or_lost(path: Path, whole: Path) -> list:
    """Compare a damaged file with the one it was made from; what is lost of its video."""
    true, nothing = everything(whole)
    assert not nothing
    found, lost = everything(path)
    begin_s, end_s = min(found), max(found) + 1 / FPS
    times = {time_s: min(true, key=lambda known_s: abs(known_s - time_s)) for time_s in found}
    for time_s, known_s in times.items():
        np.testing.assert_array_equal(found[time_s], true[known_s], f"frame at {time_s} s")
        assert abs(known_s - time_s) < 0.5 / FPS
    lost = [one for one in lost if one.stream == "video"]
    for known_s in set(true) - set(times.values()):
        told = any(one.start_s - 2e-3 <= known_s < one.end_s for one in lost)
        # A hole of 40 ms is none, where the decoder has seen that no frame refers to what is missing.
        told = told or {round(known_s + step / FPS, 2) for step in (-1, 1)} <= {round(one, 2) for one in times.values()}
        assert told or not begin_s <= known_s < end_s - 2e-3, f"{known_s} s"
    for time_s in found:
        assert not any(one.start_s + 2e-3 < time_s < one.end_s - 2e-3 for one in lost), "what is lost is not given out"
    return lost


@pytest.mark.parametrize("packet", [37, 60, 98])
@pytest.mark.parametrize("coded", FILMS, ids=str)
def test_a_spoilt_packet_costs_until_the_next_key_frame(tmp_path, coded, packet):
    whole = write(tmp_path / "whole.bin", coded)
    damaged = tmp_path / "damaged.bin"
    damaged.write_bytes(spoilt(whole, packet))
    lost = assert_true_or_lost(damaged, whole)
    assert sum(one.end_s - one.start_s for one in lost) <= 1.2, "one GOP, and its leading frames"
    # A transport stream of which packets vanish does not say that they were there.
    assert all((one.code == "decode_error" and "damaged video" in one.reason) or one.code == "gap" for one in lost)
    if packet == 37:
        assert lost
        with pytest.raises(MediaError, match=r"the video from 1\.\d+ to [12]\.\d+ s is lost"):
            list(decode_whole(damaged, audio_rate_hz=None))


@pytest.mark.parametrize(("container", "gop"), [("matroska", 12), ("matroska", 1), ("avi", 12), ("nut", 12)])
@pytest.mark.parametrize("bit", [0, 7])
def test_one_wrong_bit_of_lossless_video_is_damage(tmp_path, container, gop, bit):
    whole = write(tmp_path / "whole.bin", Coded(container, "ffv1", "pcm_s16le", f"g={gop},level=3"), seconds=2.0)
    data, damaged = bytearray(whole.read_bytes()), tmp_path / "damaged.bin"
    with av.open(str(whole)) as opened:
        packet = next(packet for packet in opened.demux(video=0) if packet.pts * packet.time_base > 1)
    data[data.index(bytes(packet)) + packet.size // 2] ^= 1 << bit
    damaged.write_bytes(data)
    (lost,) = assert_true_or_lost(damaged, whole)
    assert lost.code == "decode_error" and "damaged video at 1.0" in lost.reason
    assert lost.end_s - lost.start_s <= (gop + 0.5) / FPS


@pytest.mark.parametrize("share", [0.55, 0.8, 0.97])
@pytest.mark.parametrize(
    "coded",
    [
        Coded("flv", "flv", "aac", "g=12"),
        Coded("avi", "mpeg4", "mp3", "g=12"),
        Coded("asf", "wmv2", "pcm_s16le", "g=12"),
        Coded("mpegts", "libx264"),
        Coded("matroska", "libx264", "pcm_s16le"),
        Coded("mpeg", "mpeg2video", "mp2", "g=12,bf=2"),
    ],
    ids=str,
)
def test_a_recording_that_ends_in_mid_packet_lives_up_to_there(tmp_path, coded, share):
    whole = write(tmp_path / "whole.bin", coded)
    data = whole.read_bytes()
    cut = tmp_path / "cut.bin"
    cut.write_bytes(data[: round(share * len(data))])
    assert probe(cut, head_s=0.5, max_pixels=10_000).fps == pytest.approx(FPS, rel=0.03)
    assert_true_or_lost(cut, whole)
    assert max(everything(cut)[0]) > share * 4 - 1.3


def test_a_file_of_which_nothing_is_left_says_why(tmp_path):
    path = write(tmp_path / "a.mp4", Coded("mp4", "mpeg4", options="g=250"))
    path.write_bytes(spoilt(path, 0, first=0.5))
    with pytest.raises(MediaError, match="none of its 100 frames decode"):
        everything(path)
