"""A stored clip gives back its frames and samples, in number exactly, and its bytes never vary."""

import hashlib
from io import BytesIO
from typing import get_args

import av
import numpy as np
import pytest

from mova_core.errors import MediaError, ShapeError
from mova_core.geometry import GEOMETRIES, Canvas, ClipGeometry
from mova_core.media import clip_file
from mova_core.media.clip_file import CLIP_FORMATS, SMALL_SIDE_PX, ClipCoding, ClipWriter, read_clip
from mova_core.media.encode import write_media
from mova_core.params import CutParams

NANO = GEOMETRIES["nano-48"]
X264 = ClipCoding("libx264", 14)
WIDE = ClipGeometry("wide", 9, 24, (Canvas(96, 160),), 48_000, 960, 1)
LARGE = ClipGeometry("large", 9, 24, (Canvas(160, 224),), 48_000, 960, 1)


def noisy_images(canvas, frames):
    rng = np.random.default_rng(3)
    still = rng.integers(0, 256, (canvas.height_px // 8, canvas.width_px // 8, 3)).repeat(8, 0).repeat(8, 1)
    return [
        np.clip(np.roll(still, k, 1) + rng.normal(0, 10, still.shape), 0, 255).astype(np.uint8) for k in range(frames)
    ]


def written(geometry, images, audio, codec="libx264"):
    writer = ClipWriter(geometry, geometry.canvases[0], ClipCoding(codec, 14))
    for image in images:
        writer.show(image)
    return writer.finish(audio)


@pytest.mark.parametrize("geometry", [NANO, WIDE, LARGE], ids=lambda geometry: geometry.name)
def test_frames_and_samples_come_back(geometry):
    grey = [np.full((*_size(geometry), 3), 20 + 6 * k, np.uint8) for k in range(geometry.frames)]
    audio = np.random.default_rng(0).uniform(-1, 1, geometry.audio_samples).astype(np.float32)
    frames, samples = read_clip(written(geometry, grey, audio))
    assert frames.shape == (geometry.frames, *_size(geometry), 3) and samples.shape == (geometry.audio_samples,)
    assert np.abs(frames.astype(int) - np.stack(grey)).max() <= 3
    assert np.abs(samples - audio).max() <= 1 / 32768


def _size(geometry):
    return geometry.canvases[0].height_px, geometry.canvases[0].width_px


def test_lossless_frames_come_back_bit_by_bit():
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (WIDE.frames, 96, 160, 3), dtype=np.uint8)
    audio = rng.integers(-(2**15), 2**15, WIDE.audio_samples).astype(np.float32) / 2**15
    frames, samples = read_clip(written(WIDE, noise, audio, "ffv1"))
    np.testing.assert_array_equal(frames, noise)
    np.testing.assert_array_equal(samples, audio)


def test_params_offer_the_codecs_that_there_are():
    assert set(get_args(CutParams.model_fields["codec"].annotation)) == set(CLIP_FORMATS)


@pytest.mark.parametrize("codec", CLIP_FORMATS)
@pytest.mark.parametrize("geometry", [NANO, WIDE, LARGE], ids=lambda geometry: geometry.name)
def test_bytes_never_vary(geometry, codec):
    rng = np.random.default_rng()  # unseeded on purpose: what lies in freed memory must not matter
    images, audio = (
        noisy_images(geometry.canvases[0], geometry.frames),
        np.zeros(geometry.audio_samples, np.float32),
    )
    digests = set()
    for _ in range(10):
        [rng.integers(0, 256, rng.integers(100, 200_000), dtype=np.uint8) for _ in range(20)]
        digests.add(hashlib.sha256(written(geometry, images, audio, codec)).hexdigest())
    assert len(digests) == 1


def test_large_clips_are_as_good_as_in_the_preset_of_small_ones(monkeypatch):
    images, audio = noisy_images(LARGE.canvases[0], LARGE.frames), np.zeros(LARGE.audio_samples, np.float32)
    error, size = [], []
    for side in (SMALL_SIDE_PX, 1 << 12):  # the second takes every clip for a small one
        monkeypatch.setattr(clip_file, "SMALL_SIDE_PX", side)
        data = written(LARGE, images, audio)
        error.append(float(np.square(read_clip(data)[0].astype(float) - np.stack(images)).mean()))
        size.append(len(data))
    assert error[0] == pytest.approx(error[1], rel=0.05) and size[0] == pytest.approx(size[1], rel=0.1)


def test_loud_audio_is_clipped_not_wrapped():
    loud = np.full(WIDE.audio_samples, 1.7, np.float32)
    loud[::2] *= -1
    _, samples = read_clip(written(WIDE, noisy_images(Canvas(96, 160), 9), loud))
    np.testing.assert_array_equal(samples, np.where(np.arange(len(loud)) % 2, 32767 / 32768, -1.0).astype(np.float32))


def test_a_frame_may_stay_for_several_frames():
    writer = ClipWriter(WIDE, Canvas(96, 160), X264)
    writer.show(np.zeros((96, 160, 3), np.uint8), 4)
    writer.show(np.full((96, 160, 3), 255, np.uint8), 5)
    frames, _ = read_clip(writer.finish(np.zeros(WIDE.audio_samples, np.float32)))
    assert (frames.mean(axis=(1, 2, 3)) > 128).tolist() == [False] * 4 + [True] * 5


def test_frame_and_audio_lie_side_by_side_and_begin_at_zero():
    with av.open(BytesIO(written(NANO, noisy_images(Canvas(48, 48), 33), np.zeros(33_000, np.float32)))) as clip:
        kinds = [packet.stream.type for packet in clip.demux() if packet.size]
        assert clip.streams.video[0].codec_context.name == "h264" and clip.streams.audio[0].codec_context.name == "flac"
    first_audio = kinds.index("audio")
    assert first_audio < 4 and "video" in kinds[first_audio:]
    with av.open(BytesIO(written(NANO, noisy_images(Canvas(48, 48), 33), np.zeros(33_000, np.float32)))) as clip:
        first = {type(frame): frame.time for frame in reversed(list(clip.decode()))}
    assert first == {av.VideoFrame: 0.0, av.AudioFrame: 0.0}


def test_only_whole_clips_of_the_canvas_are_written():
    writer = ClipWriter(WIDE, Canvas(96, 160), X264)
    with pytest.raises(ShapeError, match="the canvas is 160x96"):
        writer.show(np.zeros((160, 96, 3), np.uint8))
    writer.show(np.zeros((96, 160, 3), np.uint8), 8)
    with pytest.raises(ShapeError, match="8 frames"):
        writer.finish(np.zeros(WIDE.audio_samples, np.float32))
    writer.drop()


def test_audio_that_is_not_exact_is_refused_rather_than_read_as_silence(tmp_path):
    path = tmp_path / "clip.mp4"
    frames = np.zeros((3, 16, 16, 3), np.uint8)
    tone = np.sin(np.arange(3000, dtype=np.float32))
    write_media(path, frames, 16, tone, 16000, audio_codec="aac")
    with pytest.raises(MediaError, match="holds audio as fltp, expected FLAC"):
        read_clip(path)
