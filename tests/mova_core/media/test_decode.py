import gc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mova_core.errors import MediaError
from mova_core.media.decode import Frame, decode
from mova_core.media.lost import Lost

RATE = 16_000


def flat(value, size=(32, 32), format="yuv420p"):
    """A frame of one Y'CbCr (or RGB) value."""
    image = av.VideoFrame(*size, format)
    for plane, level in zip(image.planes, value, strict=True):
        plane.update(bytes([level]) * plane.buffer_size)
    return image


def everything(path: Path):
    """Times of the frames, mean luma of each, start of the audio, its samples."""
    times, lumas, pieces = [], [], []
    for piece in decode(path, audio_rate_hz=RATE):
        if isinstance(piece, Lost):
            continue
        if isinstance(piece, Frame):
            times.append(piece.time_s)
            lumas.append(piece.luma().mean())
        else:
            pieces.append(piece)
    return np.array(times), np.array(lumas), pieces[0].time_s, np.concatenate([p.samples for p in pieces])


@pytest.mark.parametrize(
    ("name", "fps", "made"),
    [
        ("h264.mp4", 24, {"audio_codec": "aac"}),
        ("reordered.mp4", Fraction(30000, 1001), {"video_options": {"bf": "3"}}),
        ("h264.mkv", 30, {"container": "matroska"}),
        ("vp9.webm", 25, {"container": "webm", "video_codec": "libvpx-vp9", "audio_codec": "libopus"}),
        ("reordered.avi", 25, {"container": "avi", "audio_codec": "pcm_s16le", "video_options": {"bf": "3"}}),
        ("h264.ts", 60, {"container": "mpegts", "audio_codec": "aac"}),
        ("mpeg2.mpg", 25, {"container": "mpeg", "video_codec": "mpeg2video", "audio_codec": "mp2", "crf": None}),
    ],
)
def test_flash_and_click_keep_their_moment(film, name, fps, made):
    times, lumas, start_s, samples = everything(film(name, fps=fps, **made))
    assert len(times) == round(2 * fps)
    assert (np.diff(times) > 0).all()
    flash_s = times[np.argmax(lumas > 128)]
    click_s = start_s + np.argmax(np.abs(samples) > 0.3) / RATE
    assert flash_s - times[0] == pytest.approx(round(fps) / fps, abs=1e-3)
    assert click_s == pytest.approx(flash_s, abs=1e-3)


def test_a_variable_rate_keeps_its_times(tmp_path, film):
    path, varied = film("a.mp4", video_options={"bf": "0"}), tmp_path / "vfr.mkv"
    with av.open(str(path)) as source, av.open(str(varied), "w", format="matroska") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "video":
                packet.pts = packet.dts = packet.pts * 2 + packet.pts % 1024  # gaps of 40 and 120 ms
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    gaps = np.diff(everything(varied)[0])
    np.testing.assert_allclose(gaps[:4], [0.12, 0.04, 0.12, 0.04], atol=2e-3)


def test_only_what_is_asked_for_is_decoded(film):
    path = film("a.mp4", seconds=0.4)
    assert all(isinstance(piece, Frame) for piece in decode(path, audio_rate_hz=None))
    assert not any(isinstance(piece, Frame) for piece in decode(path, audio_rate_hz=RATE, video=False))


def test_two_passes_give_the_same_values(film):
    path = film("a.mp4")
    for one, two in zip(everything(path), everything(path), strict=True):
        np.testing.assert_array_equal(one, two)


def lost_of(path: Path) -> list[Lost]:
    return [piece for piece in decode(path, audio_rate_hz=RATE) if isinstance(piece, Lost)]


def spoil(path: Path, stream: str) -> None:
    """Replace six packets from one second on."""
    with av.open(str(path)) as container:
        packets = [p for p in container.demux() if p.stream.type == stream and p.pos and (p.pts or 0) * p.time_base > 1]
    data = bytearray(path.read_bytes())
    for packet in packets[:6]:
        data[packet.pos : packet.pos + packet.size] = np.random.default_rng(0).bytes(packet.size)
    path.write_bytes(data)


def test_damage_of_the_video_is_lost_and_names_the_time(film):
    path = film("a.mp4", audio_codec="aac", crf=1)
    spoil(path, "video")
    (lost,) = lost_of(path)
    assert (lost.stream, lost.code) == ("video", "decode_error") and "damaged video at 1." in lost.reason
    assert 1 <= lost.start_s < 1.1 and lost.end_s == pytest.approx(2.0, abs=0.05)


def test_damage_of_the_audio_is_lost_and_names_the_time(film):
    path = film("a.mp4", audio_codec="aac", crf=1)
    spoil(path, "audio")
    (lost,) = lost_of(path)
    assert (lost.stream, lost.code) == ("audio", "decode_error") and "damaged audio at 1." in lost.reason
    assert 1 <= lost.start_s < 1.1 and lost.end_s == pytest.approx(1.28, abs=0.05)


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_one_wrong_bit_of_a_lossless_track_is_damage(film, container):
    path = film("a.bin", container=container, audio_codec="flac")
    with av.open(str(path)) as opened:
        packet = next(packet for packet in opened.demux(audio=0) if packet.pts * packet.time_base > 1)
    data = path.read_bytes()
    place = data.index(bytes(packet)) + packet.size // 2
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    (lost,) = lost_of(path)
    assert (lost.stream, lost.code) == ("audio", "decode_error") and "damaged audio at 1." in lost.reason
    assert 1 <= lost.start_s < lost.end_s < 1.4


@pytest.mark.parametrize("spoilt", [slice(20, 23), slice(-4, None)])
def test_frames_that_vanish_in_the_decoder_are_damage(film, spoilt):
    path = film("a.mp4", crf=1)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size][spoilt]
    data = bytearray(path.read_bytes())
    for packet in packets:
        data[packet.pos : packet.pos + packet.size] = bytes(packet.size)  # NAL units of no length: no error, no frame
    path.write_bytes(data)
    (lost,) = lost_of(path)
    assert (lost.stream, lost.code) == ("video", "decode_error") and "damaged video" in lost.reason
    assert lost.end_s == pytest.approx(1.0 if spoilt.start > 0 else 2.0), "the flash is a key frame"


@pytest.mark.parametrize(
    "made",
    [
        {"container": "mp4"},
        {"container": "matroska"},
        {"container": "mpegts", "audio_codec": "aac"},
        {"container": "flv", "video_codec": "flv1", "audio_codec": "aac", "crf": None},
    ],
)
def test_whatever_bytes_come_only_a_media_error_comes_out(film, made):
    path = film("a.bin", seconds=0.8, **made)
    whole, rng = path.read_bytes(), np.random.default_rng(5)
    for _ in range(25):
        data = np.frombuffer(whole, np.uint8).copy()
        places = np.r_[rng.integers(0, len(data), 4), rng.integers(0, min(len(data), 2000), 2)]
        data[places] = rng.integers(0, 256, len(places))
        path.write_bytes(data[: rng.integers(1, len(data))] if rng.random() < 0.1 else data)
        try:
            everything(path)
        except MediaError as error:
            assert error.code and error.reason


def test_a_missing_stream_is_named(media):
    for path, code in (
        ("animation-sintel-letterboxed-multishot-no-audio-480p-30s.mp4", "no_audio"),
        ("hostile/audio-with-cover-art.mp4", "no_video"),
    ):
        with pytest.raises(MediaError) as error:
            next(decode(media / path, audio_rate_hz=RATE))
        assert error.value.code == code


@pytest.mark.parametrize(
    "path",
    [
        "derived/avi-pillarboxed-silent-film-mp3-10s.avi",
        "hostile/audio-starts-2.5s-late-edit-list.mp4",
        "hostile/start-offset-1h.ts",
        "rotated-180-vfr-quiet-fire-720p-2s.mp4",
        "kinetic-typography-music-vfr-270p-45s.webm",
        "generated-cat-ball-mova-mono-352p-8s.mp4",
    ],
)
def test_real_files_decode_whole(media, manifest, path):
    truth = manifest[path]
    times, _, start_s, samples = everything(media / path)
    assert len(times) == truth["video"]["frames"]
    zero = truth["start_s"]
    assert start_s == pytest.approx(truth["audio"][0]["start_s"] - zero, abs=1e-3)
    assert start_s + len(samples) / RATE == pytest.approx(truth["audio"][0]["end_s"] - zero, abs=1e-3)
    if path.endswith("avi"):
        np.testing.assert_allclose(times, np.arange(241) / 25, atol=1e-9)
    else:
        np.testing.assert_allclose(times[[0, -1]] + zero, truth["video"]["first_last_pts_s"], atol=1e-3)


def test_nothing_concealed_is_passed_on(media):
    with pytest.raises(MediaError) as error:
        everything(media / "hostile/corrupt-bytes-in-mdat.mp4")
    assert error.value.code == "decode_error"


def test_luma_is_full_range_whatever_the_coding():
    assert Frame(0, flat((16, 128, 128))).luma().max() == 0
    assert Frame(0, flat((235, 128, 128))).luma().min() == 255
    full = flat((200, 128, 128))
    full.color_range = 2
    assert (Frame(0, full).luma() == 200).all()


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_luma_is_the_coded_one_whatever_its_format_and_matrix(pixels):
    orange = flat((126, 60, 200)).reformat(format=pixels)
    for matrix in (1, 5):  # BT.709, BT.601
        orange.colorspace = matrix
        assert abs(int(Frame(0, orange).luma().min()) - 128) <= 1


def test_luma_of_rgb_and_of_grey_frames():
    assert abs(int(Frame(0, flat((128,), format="gray")).luma().min()) - 128) <= 1
    white = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 255, np.uint8), "rgb24")
    assert Frame(0, white).luma().min() == 255


def test_an_untagged_frame_is_bt709_when_it_is_high_definition():
    red_601, red_709 = (81, 90, 240), (63, 102, 240)
    np.testing.assert_allclose(Frame(0, flat(red_601)).rgb()[0, 0], (255, 0, 0), atol=2)
    np.testing.assert_allclose(Frame(0, flat(red_709, size=(64, 720))).rgb()[0, 0], (255, 0, 0), atol=2)


def test_rgb_scales_to_the_size_asked_for():
    assert Frame(0, flat((126, 128, 128), size=(321, 241))).rgb().shape == (241, 321, 3)
    assert Frame(0, flat((126, 128, 128))).rgb(20, 10).shape == (10, 20, 3)


def test_a_frame_is_freed_once_nobody_looks_at_it(media):
    """So that memory does not grow with a source's length: nothing of a frame may refer back to it."""
    gc.collect()
    gc.disable()
    try:
        frames = 0
        for piece in decode(media / "music-harp-360p-10s.mp4", audio_rate_hz=RATE):
            if isinstance(piece, Frame):
                piece.rgb(64, 36)
                piece.luma()
                frames += 1
        del piece
        held = sum(type(one) is av.VideoFrame for one in gc.get_objects())
    finally:
        gc.enable()
    assert held < 20 < frames
