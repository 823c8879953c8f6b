"""Files given for a clip: any container, codec, rate and size comes as the clip needs it, or one sentence why not."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from mova_core.errors import UsageError
from mova_core.geometry import GEOMETRIES
from mova_core.media.encode import write_media
from mova_core.media.image import fit_image
from mova_core.sampling.clip_file import write_clip
from mova_core.sampling.output_format import OUTPUT_FORMATS
from mova_core.sampling.request.given_media import MediaFile, read_given

GEOMETRY = replace(GEOMETRIES["nano-48"], frames=13)  # 0.8125 s
LOSSLESS = {"container": "matroska", "video_codec": "ffv1", "crf": None}


def grey(index, width=96, height=96):
    """A frame that tells its number: one grey."""
    return np.full((height, width, 3), 40 + 12 * index, np.uint8)


def tone(seconds, rate_hz):
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


def wav(path, samples, rate_hz):
    with av.open(str(path), "w", format="wav") as output:
        stream = output.add_stream("pcm_s16le", rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], "s16", "mono")
        frame.sample_rate = rate_hz
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def given(path, *, video=True, audio=True, geometry=GEOMETRY, any_length=False):
    return read_given([MediaFile(path, "--video" if video else "--audio", geometry, video, audio, any_length)])[0]


@pytest.mark.parametrize(
    ("name", "options", "rate_hz"),
    [
        ("a.mp4", {"audio_codec": "aac", "container_options": {"movie_timescale": "48000"}}, 48_000),
        ("a.mkv", LOSSLESS, 44_100),
        ("a.webm", {"container": "webm", "video_codec": "libvpx-vp9", "audio_codec": "libopus", "crf": 20}, 48_000),
        ("a.avi", {"container": "avi", "video_codec": "mpeg4", "audio_codec": "pcm_s16le", "crf": None}, 16_000),
    ],
)
@pytest.mark.parametrize(("fps", "frames"), [(16, 13), (40, 33), (Fraction(30_000, 1001), 24), (8, 7)])
def test_any_container_and_rate_comes_at_the_clips(tmp_path, name, options, rate_hz, fps, frames):
    path, seconds = tmp_path / name, float(frames / Fraction(fps))
    write_media(path, [grey(i % 16) for i in range(frames)], fps, tone(seconds, rate_hz), rate_hz, **options)
    read = given(path)
    assert read.frames.shape == (13, 48, 48, 3)
    assert read.samples.shape == (13_000,)
    # Frame k shows the last source frame of before its middle: the rule of stage `cut`.
    shown = [min(frames - 1, int((k + 0.5) / 16 * float(fps) + 1e-6)) for k in range(13)]
    np.testing.assert_allclose(read.frames.mean((1, 2, 3)), [40 + 12 * (i % 16) for i in shown], atol=4)
    inside = read.samples[2000:11_000]
    assert abs(np.sqrt((inside**2).mean()) - 0.3 / 2**0.5) < 0.02
    assert any("frames a second, resampled to 16" in note for note in read.notes) == (fps != 16)
    assert any(f"audio at {rate_hz} Hz, resampled to 16000" in note for note in read.notes) == (rate_hz != 16_000)
    assert all(str(path) in note for note in read.notes)


def test_frames_are_cropped_at_the_centre_and_scaled_as_first_frames_are(tmp_path):
    path = tmp_path / "wide.mkv"
    frame = np.linspace(20, 220, 120).astype(np.uint8)[None, :, None].repeat(60, 0).repeat(3, 2)
    write_media(path, [frame] * 13, 16, None, 16_000, **LOSSLESS)
    read = given(path, audio=False)
    np.testing.assert_allclose(read.frames[0].astype(int), fit_image(frame, 48, 48).astype(int), atol=3)
    assert read.notes == (f"{path}: frames of 120x60 cropped at the centre and scaled to 48x48",)


def test_a_film_is_read_upright_with_square_pixels(tmp_path):
    """A frame whose left half is bright, turned by a quarter; and one whose pixels are twice as wide as high."""
    frame = np.zeros((64, 64, 3), np.uint8)
    frame[:, :32] = 220
    plain, turned, wide = (tmp_path / name for name in ("plain.mp4", "turned.mp4", "wide.mp4"))
    write_media(plain, [frame] * 13, 16, None, 16_000)
    data = plain.read_bytes()
    at = data.index(b"tkhd") + 4 + 40  # ISO/IEC 14496-12, 8.3.2: the matrix behind 40 bytes of version 0
    quarter = np.array([0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000], ">i4").tobytes()
    turned.write_bytes(data[:at] + quarter + data[at + 36 :])
    upright = given(turned, audio=False).frames[6]
    assert abs(int(upright[:20].mean()) - int(upright[-20:].mean())) > 150
    assert abs(int(upright[:, :20].mean()) - int(upright[:, -20:].mean())) < 10
    with av.open(str(wide), "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=16, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2)
        stripes = np.zeros((64, 64, 3), np.uint8)
        stripes[:, 16:48] = 220  # the middle half: all that a centre crop of 128x64 to a square shows
        for _ in range(13):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(stripes, "rgb24")))
        output.mux(stream.encode(None))
    assert given(wide, audio=False).frames[0][:, 2:-2].min() > 180


def test_a_film_goes_onto_the_canvas_of_its_own_shape(tmp_path):
    geometry = replace(GEOMETRIES["mova-360p"], frames=5)
    for name, (width, height), shape in (("tall", (36, 64), (5, 640, 352, 3)), ("wide", (64, 36), (5, 352, 640, 3))):
        path = tmp_path / f"{name}.mkv"
        write_media(path, [grey(i, width, height) for i in range(5)], 24, None, 48_000, **LOSSLESS)
        assert given(path, audio=False, geometry=geometry).frames.shape == shape


@pytest.mark.parametrize("seconds", [0.8125, 0.8125 - 0.02, 0.8125 + 0.02])
def test_audio_alone_of_nearly_the_clips_length_is_made_exact_and_told(tmp_path, seconds):
    path = wav(tmp_path / "a.wav", tone(seconds, 44_100), 44_100)
    read = given(path, video=False)
    assert read.frames is None and read.samples.shape == (13_000,)
    assert any("for 0.8125 s" in note for note in read.notes) == (seconds != 0.8125)
    inside = read.samples[500:12_000]
    assert abs(np.sqrt((inside**2).mean()) - 0.3 / 2**0.5) < 0.01


def test_a_film_of_any_length_has_audio_exactly_as_long(tmp_path):
    for frames in (7, 13, 40):
        path = tmp_path / f"{frames}.mkv"
        write_media(path, [grey(i % 16) for i in range(frames)], 16, tone(frames / 16, 16_000), 16_000, **LOSSLESS)
        read = given(path, any_length=True)
        assert len(read.frames) == frames and read.samples.shape == (frames * 1000,)


def test_silence_stands_for_what_the_audio_beside_a_film_lacks(tmp_path):
    path, short = tmp_path / "a.mkv", tmp_path / "b.mkv"
    write_media(path, [grey(0)] * 13, 16, tone(0.75, 16_000), 16_000, **LOSSLESS)
    read = given(path)
    assert not read.samples[12_000:].any() and read.samples[:12_000].any()
    assert any("its audio lacks 0.0625 s of its video" in note for note in read.notes)
    write_media(short, [grey(0)] * 13, 16, tone(0.5, 16_000), 16_000, **LOSSLESS)
    with pytest.raises(UsageError, match=r"short_audio.*lacks 0\.31"):
        given(short)


def test_audio_of_a_film_can_be_given_alone(tmp_path):
    path = tmp_path / "a.mkv"
    write_media(path, [grey(0)] * 13, 16, tone(0.8125, 16_000), 16_000, **LOSSLESS)
    np.testing.assert_array_equal(given(path, video=False).samples, given(path).samples)


@pytest.mark.parametrize("codec", ["h264", "lossless"])
def test_the_audio_of_a_generated_clip_can_be_given_to_the_next(tmp_path, codec):
    """AAC's last coded frame reaches beyond the clip, which the file's edit list ends within it."""
    path, audio = tmp_path / "clip", tone(33 / 16, 16_000)
    write_clip(path, np.zeros((33, 16, 16, 3), np.uint8), audio, GEOMETRIES["nano-48"], 1, OUTPUT_FORMATS[codec])
    read = given(path, video=False, geometry=GEOMETRIES["nano-48"])
    assert read.samples.shape == (33_000,)
    assert float(np.abs(read.samples - audio)[500:-500].max()) < 0.05


def test_what_cannot_be_given_is_refused_in_a_sentence(tmp_path):
    silent, long, sound = tmp_path / "silent.mp4", tmp_path / "long.mkv", tmp_path / "a.wav"
    write_media(silent, [grey(0)] * 13, 16, None, 16_000)
    write_media(long, [grey(0)] * 21, 16, tone(21 / 16, 16_000), 16_000, **LOSSLESS)
    wav(sound, tone(0.6, 16_000), 16_000)
    still, slow = tmp_path / "still.mp4", tmp_path / "slow.mp4"
    write_media(still, [grey(0)], 16, tone(0.8125, 16_000), 16_000)
    write_media(slow, [grey(0), grey(1)], Fraction(1, 2), tone(4, 16_000), 16_000)
    damaged, text = tmp_path / "damaged.mp4", tmp_path / "text.mp4"
    damaged.write_bytes(silent.read_bytes()[:900])
    text.write_text("not a film at all, and long enough")
    cases = [
        (silent, {"video": False}, "silent.mp4 cannot be given as --audio .no_audio.: no audio stream"),
        (silent, {}, "as --video .no_audio."),
        (sound, {}, "no_video"),
        (sound, {"video": False}, "its audio lasts 0.6000 s, the clip 0.8125 s .13 frames at 16 a second.*: cut it"),
        (long, {}, "its video lasts 1.31.. s, the clip 0.8125 s .*: cut it, or ask for 21 frames"),
        (long, {"video": False}, "its audio lasts 1.31.. s, .*or ask for 21 frames"),
        (damaged, {"audio": False}, "damaged.mp4 cannot be given"),
        (text, {"audio": False}, "not_media"),
        (still, {}, "single_frame"),
        (slow, {"any_length": True}, "frame_rate_too_low"),
        (tmp_path / "none.mp4", {}, "none.mp4 cannot be given"),
    ]
    for path, wanted, sentence in cases:
        with pytest.raises(UsageError, match=sentence):
            given(path, **wanted)
