from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mova_core.errors import MediaError
from mova_core.media.container.demux import open_media
from mova_core.media.timeline.timeline import read_timeline


def timeline_of(path: Path):
    with open_media(path) as (container, kind):
        return read_timeline(container, kind)


@pytest.mark.parametrize("fps", [24, Fraction(30000, 1001), 60])
def test_frames_lie_where_their_rate_puts_them(film, fps):
    track = timeline_of(film("a.mp4", fps=fps, seconds=1)).video
    expected = np.arange(len(track.times_s)) / float(fps)
    np.testing.assert_allclose(track.times_s, expected, atol=1e-6)
    assert track.end_s == pytest.approx(len(expected) / fps, abs=1e-6)
    assert (track.places >= 0).all()


def test_an_avi_with_reordered_frames_gets_even_times(film):
    path = film("a.avi", container="avi", audio_codec="pcm_s16le", video_options={"bf": "3"})
    track = timeline_of(path).video
    assert (track.places < 0).all()
    np.testing.assert_allclose(track.times_s, np.arange(50) / 25, atol=1e-9)
    assert track.end_s == pytest.approx(2.0)


def test_a_transport_stream_starts_at_zero(film):
    timeline = timeline_of(film("a.ts", container="mpegts", audio_codec="aac"))
    assert timeline.audio.start_s == 0
    assert 0 < timeline.video.start_s < 0.05


def test_a_vp8_reference_that_is_never_shown_is_no_frame(tmp_path, film):
    shown = film("a.webm", container="webm", video_codec="libvpx", audio_codec="libopus", seconds=1)
    hidden = tmp_path / "hidden.webm"
    with av.open(str(shown)) as source, av.open(str(hidden), "w", format="webm") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
                if packet.pts == 0:
                    data = bytearray(bytes(packet))
                    data[0] &= ~0x10
                    extra = av.Packet(bytes(data))
                    extra.pts = extra.dts = 10
                    extra.time_base, extra.stream = packet.time_base, stream
                    target.mux(extra)
    assert len(timeline_of(hidden).video.times_s) == len(timeline_of(shown).video.times_s) == 25


def test_real_spans_come_from_packets(media, manifest):
    for path in ("hostile/header-says-10-hours.mp4", "nasa-narration-en-multistream-subs-lowres-13s.mp4"):
        timeline, truth = timeline_of(media / path), manifest[path]
        assert timeline.audio.end_s == pytest.approx(truth["audio"][0]["end_s"], abs=0.03)
        assert timeline.video.times_s[-1] == pytest.approx(truth["video"]["first_last_pts_s"][1], abs=1e-3)


def test_a_file_without_a_video_stream_has_no_video_track(media):
    assert timeline_of(media / "hostile/audio-with-cover-art.mp4").video is None
    assert timeline_of(media / "hostile/subtitle-only.mp4").audio is None


def test_a_stream_with_nowhere_to_begin_is_refused(film):
    path = film("a.mp4", crf=1, flash_s=9)  # no flash: one keyframe, the first
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start : start + 2000] = bytes(2000)
    path.write_bytes(data)
    with pytest.raises(MediaError) as error:
        timeline_of(path)
    assert error.value.code == "no_keyframe"


def test_a_timeline_that_jumps_is_refused(film):
    path = film("a.flv", container="flv", audio_codec="aac", video_codec="flv1", crf=None)
    data = bytearray(path.read_bytes())
    last = len(data) - 4 - int.from_bytes(data[-4:], "big")  # the last tag; its time stamp's highest byte is the 8th
    data[last + 7] = 1
    path.write_bytes(data)
    with pytest.raises(MediaError, match="jump") as error:
        timeline_of(path)
    assert error.value.code == "clock_jump"


def test_packets_that_cannot_be_read_are_a_media_error(film):
    path = film("a.flv", container="flv", audio_codec="aac", video_codec="flv1", crf=None)
    data = path.read_bytes()
    path.write_bytes(data[:13])
    with pytest.raises(MediaError):
        if timeline_of(path).video is None:
            raise MediaError("no_video", "nothing in it")
