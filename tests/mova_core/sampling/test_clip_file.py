"""The MP4 that people get."""

from fractions import Fraction

import av
import numpy as np

from mova_core.geometry import GEOMETRIES
from mova_core.sampling.clip_file import write_clip

GEOMETRY = GEOMETRIES["nano-48"]


def made():
    rng = np.random.default_rng(0)
    video = rng.integers(0, 256, (33, 48, 48, 3), dtype=np.uint8)
    time = np.arange(33_000) / 16_000
    audio = np.where(time >= 1.0, 0.5 * np.sin(2 * np.pi * 440 * time), 0).astype(np.float32)
    return video, audio


def test_h264_and_aac_of_exactly_the_clips_length(tmp_path):
    video, audio = made()
    path = tmp_path / "clip.mp4"
    write_clip(path, video, audio, GEOMETRY, enlarge=8)
    with av.open(str(path)) as container:
        video_stream, audio_stream = container.streams.video[0], container.streams.audio[0]
        assert (video_stream.codec_context.name, audio_stream.codec_context.name) == ("h264", "aac")
        assert (video_stream.codec_context.width, video_stream.codec_context.height) == (384, 384)
        assert video_stream.average_rate == 16
        assert video_stream.duration * video_stream.time_base == Fraction(33, 16)
        assert audio_stream.duration * audio_stream.time_base == Fraction(33, 16)
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 33
    blocks = frames[5].reshape(48, 8, 48, 8, 3).astype(float)
    assert blocks[:, 2:6, :, 2:6].std(axis=(1, 3)).mean() < 12  # each pixel is a square of one colour


def test_audio_starts_where_it_should(tmp_path):
    from mova_core.media.decode import AudioChunk, decode

    video, audio = made()
    path = tmp_path / "clip.mp4"
    write_clip(path, video, audio, GEOMETRY)
    pieces = [piece for piece in decode(path, audio_rate_hz=16_000, video=False) if isinstance(piece, AudioChunk)]
    assert abs(pieces[0].time_s) < 1e-3
    decoded = np.concatenate([piece.samples for piece in pieces])
    assert 33_000 <= len(decoded) < 33_000 + 1024  # FFmpeg's decoder gives the last coded frame whole
    assert abs(np.argmax(np.abs(decoded) > 0.25) - 16_000) < 64


def test_the_same_clip_gives_the_same_bytes(tmp_path):
    video, audio = made()
    for name in ("a", "b"):
        write_clip(tmp_path / name, video, audio, GEOMETRY, enlarge=8)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
