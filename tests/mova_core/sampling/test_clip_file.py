"""The file that people get: every codec, exactly the clip's length, the same bytes, and audio within its peak."""

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from mova_core.errors import UsageError
from mova_core.geometry import GEOMETRIES, Canvas
from mova_core.media.audio.loudness import integrated_lufs, normalise_loudness, true_peak_dbtp
from mova_core.media.encode import write_media
from mova_core.sampling.clip_file import PEAK_TOLERANCE_DB, write_audio, write_clip
from mova_core.sampling.output_format import CODECS, OUTPUT_FORMATS, Codec

GEOMETRY = GEOMETRIES["nano-48"]
NAMES = {"h264": ("h264", "aac"), "hevc": ("hevc", "aac"), "av1": ("av1", "aac"), "lossless": ("ffv1", "flac")}


def made() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    video = rng.integers(0, 256, (33, 48, 48, 3), dtype=np.uint8)
    time = np.arange(33_000) / 16_000
    audio = np.where(time >= 1.0, 0.5 * np.sin(2 * np.pi * 440 * time), 0).astype(np.float32)
    return video, audio


def decoded(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Every frame and every sample that FFmpeg's decoders give."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    to_float = av.AudioResampler("fltp", "mono")
    with av.open(str(path)) as container:
        pieces = [piece.to_ndarray()[0] for frame in container.decode(audio=0) for piece in to_float.resample(frame)]
    return np.stack(frames), np.concatenate(pieces)


@pytest.mark.parametrize("codec", CODECS)
def test_video_and_audio_of_exactly_the_clips_length(tmp_path: Path, codec: Codec) -> None:
    video, audio = made()
    path = tmp_path / f"clip{OUTPUT_FORMATS[codec].suffix}"
    write_clip(path, video, audio, GEOMETRY, 2, OUTPUT_FORMATS[codec])
    with av.open(str(path)) as container:
        video_stream, audio_stream = container.streams.video[0], container.streams.audio[0]
        # dav1d and others decode a codec under a name of their own
        names = [stream.codec_context.codec.canonical_name for stream in (video_stream, audio_stream)]
        assert tuple(names) == NAMES[codec]
        assert (video_stream.codec_context.width, video_stream.codec_context.height) == (96, 96)
        assert (video_stream.average_rate, audio_stream.codec_context.sample_rate) == (16, 16_000)
        if path.suffix == ".mp4":  # Matroska counts whole milliseconds, and its streams name no length
            assert video_stream.duration * video_stream.time_base == Fraction(33, 16)
            assert audio_stream.duration * audio_stream.time_base == Fraction(33, 16)
    frames, samples = decoded(path)
    assert len(frames) == 33 and 33_000 <= len(samples) < 33_000 + 1024  # the last coded frame of AAC comes whole
    differences = np.abs(frames.astype(int) - video.repeat(2, 1).repeat(2, 2))
    assert differences.mean() < 60  # most of it is colour at half resolution; a wrong frame differs by 85


def test_each_pixel_becomes_a_square_of_one_colour(tmp_path: Path) -> None:
    video, audio = made()
    write_clip(tmp_path / "clip.mp4", video[:5], audio, GEOMETRY, 8)
    frames, _ = decoded(tmp_path / "clip.mp4")
    blocks = frames[3].reshape(48, 8, 48, 8, 3).astype(float)
    assert blocks[:, 2:6, :, 2:6].std(axis=(1, 3)).mean() < 12


def test_audio_starts_where_it_should(tmp_path: Path) -> None:
    from mova_core.media.decode import AudioChunk, decode

    video, audio = made()
    path = tmp_path / "clip.mp4"
    write_clip(path, video, audio, GEOMETRY)
    pieces = [piece for piece in decode(path, audio_rate_hz=16_000, video=False) if isinstance(piece, AudioChunk)]
    assert abs(pieces[0].time_s) < 1e-3
    samples = np.concatenate([piece.samples for piece in pieces])
    assert abs(np.argmax(np.abs(samples) > 0.25) - 16_000) < 64


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 128), (144, 80)])
def test_the_same_clip_gives_the_same_bytes_in_whatever_memory(
    tmp_path: Path, codec: Codec, height: int, width: int
) -> None:
    """x264 and x265 read memory that they never wrote at some small frame sizes, unless they are told not to."""
    rng = np.random.default_rng(0)
    video, (_, audio) = rng.integers(0, 256, (17, height, width, 3), dtype=np.uint8), made()
    seen, stirred = set(), []
    for _ in range(4):
        stirred = [*stirred[-3:], rng.standard_normal(rng.integers(1, 200_000))]
        write_clip(tmp_path / "clip", video, audio, GEOMETRY, 1, OUTPUT_FORMATS[codec])
        seen.add((tmp_path / "clip").read_bytes())
    assert len(seen) == 1


def test_av1_has_the_same_bytes_with_more_threads(tmp_path: Path) -> None:
    video, audio = made()
    for name, threads in (("one", "1"), ("more", "3")):
        write_media(
            tmp_path / name, video[:17].repeat(3, 1).repeat(3, 2), 16, audio, 16_000,
            video_codec="libsvtav1", video_options={"svtav1-params": f"lp={threads}"},
        )  # fmt: skip
    assert (tmp_path / "one").read_bytes() == (tmp_path / "more").read_bytes()


def test_the_default_is_h264_and_aac_as_ever(tmp_path: Path) -> None:
    video, audio = made()
    write_clip(tmp_path / "clip.mp4", video, audio, GEOMETRY)
    write_media(
        tmp_path / "expected.mp4", video, 16, audio, 16_000, video_codec="libx264", crf=16, audio_codec="aac",
        audio_options={"b": "192000"}, container_options={"movie_timescale": "16000"},
    )  # fmt: skip
    assert (tmp_path / "clip.mp4").read_bytes() == (tmp_path / "expected.mp4").read_bytes()


def test_lossless_keeps_every_pixel_and_24_bits_of_every_sample(tmp_path: Path) -> None:
    video, _ = made()
    audio = np.random.default_rng(1).uniform(-1, 1, 33_000).astype(np.float32)
    write_clip(tmp_path / "clip.mkv", video, audio, GEOMETRY, 1, OUTPUT_FORMATS["lossless"])
    frames, samples = decoded(tmp_path / "clip.mkv")
    np.testing.assert_array_equal(frames, video)
    assert np.abs(samples.astype(np.float64) - audio).max() <= 2**-24


def test_frames_too_small_for_an_encoder_are_refused() -> None:
    """x265 writes outside its memory there."""
    nano = Canvas(48, 48)
    with pytest.raises(UsageError, match=r"48x48 are too small for libx265.*enlarge by 2"):
        OUTPUT_FORMATS["hevc"].check_size(nano, 1)
    for codec, enlarge in (("hevc", 2), ("h264", 1), ("av1", 1), ("lossless", 1)):
        OUTPUT_FORMATS[codec].check_size(nano, enlarge)


def test_the_audio_alone_is_a_wav_of_24_bits_at_the_models_rate(tmp_path: Path) -> None:
    audio = np.array([0, 0.5, -0.5, 1, -1, 1.5, -1.5, 2**-23, -(2**-23), 0.3], np.float32)
    write_audio(tmp_path / "clip.wav", audio, 48_000)
    with wave.open(str(tmp_path / "clip.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 3, 48_000)
        raw = np.frombuffer(file.readframes(99), np.uint8).reshape(-1, 3)
    got = [int.from_bytes(sample.tobytes(), "little", signed=True) for sample in raw]
    assert got == [0, 1 << 22, -(1 << 22), (1 << 23) - 1, -(1 << 23), (1 << 23) - 1, -(1 << 23), 1, -1, 2516582]
    with av.open(str(tmp_path / "clip.wav")) as container:
        assert container.streams.audio[0].codec_context.name == "pcm_s24le"


def hard(kind: str, rate_hz: int) -> NDArray[np.float32]:
    """Audio whose peaks AAC raises by up to 4 dB."""
    time = np.arange(2 * rate_hz) / rate_hz
    signals = {
        "onset of a high tone": np.sin(2 * np.pi * 0.45 * rate_hz * time),
        "square wave": np.sign(np.sin(2 * np.pi * 300 * time)),
        "tone": np.sin(2 * np.pi * 997 * time),
        "noise": np.random.default_rng(0).standard_normal(time.size) / 4,
        "clicks": (np.arange(time.size) % 4000 == 0) * 1.0,
    }
    return signals[kind].astype(np.float32)


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@pytest.mark.parametrize("kind", ["onset of a high tone", "square wave", "tone", "noise", "clicks"])
@pytest.mark.parametrize(("target_lufs", "highest_dbtp"), [(-5.0, -1.0), (-14.0, -3.0), (-30.0, -1.0)])
def test_the_true_peak_holds_in_the_file_and_the_loudness_where_it_can(
    tmp_path: Path, kind: str, rate_hz: int, target_lufs: float, highest_dbtp: float
) -> None:
    geometry = GEOMETRIES["mova-360p"] if rate_hz == 48_000 else GEOMETRY
    audio = normalise_loudness(hard(kind, rate_hz), rate_hz, target_lufs, highest_dbtp)
    assert true_peak_dbtp(audio) <= highest_dbtp + 1e-3
    path = tmp_path / "clip.mp4"
    video = np.zeros((2, 16, 16, 3), np.uint8)
    loudness = write_clip(path, video, audio, geometry, highest_dbtp=highest_dbtp)
    _, samples = decoded(path)
    assert true_peak_dbtp(samples) <= highest_dbtp + PEAK_TOLERANCE_DB + 0.01
    lufs = integrated_lufs(samples, rate_hz)
    assert loudness is not None and loudness.lufs == pytest.approx(lufs, abs=0.1)
    assert lufs < target_lufs + 0.3
    if target_lufs == -30 and kind != "clicks":  # far from the peak: nothing is in the way of the loudness
        assert lufs == pytest.approx(target_lufs, abs=0.3)
