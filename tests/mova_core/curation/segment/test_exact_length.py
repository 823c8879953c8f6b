"""A file of exactly one clip's frames gives one window, whatever its container makes of its clock."""

import numpy as np
import pytest

from mova_core.curation.segment.stage import Source, segment_source, windows_of
from mova_core.errors import MediaError
from mova_core.geometry import GEOMETRIES
from mova_core.media.encode import write_media
from mova_core.params import SegmentParams
from mova_core.storage.hashing import sha256_file

CLIP = GEOMETRIES["mova-360p"]  # 193 frames at 24 a second


@pytest.mark.parametrize(
    ("container", "video", "audio"),
    [
        ("mp4", "libx264", "aac"),
        ("matroska", "libx264", "aac"),
        ("matroska", "libx264", "pcm_s16le"),
        ("webm", "libvpx", "libopus"),
        ("mpegts", "libx264", "aac"),
        ("mpeg", "mpeg2video", "mp2"),
        ("avi", "libx264", "pcm_s16le"),
        ("flv", "libx264", "aac"),
        ("asf", "wmv2", "pcm_s16le"),
        ("matroska", "libx264", "ac3"),  # whose first 256 samples the container hides, as it does in mp4
        ("mp4", "libx264", "eac3"),
        ("mpegts", "libx264", "ac3"),
        ("nut", "libx264", "ac3"),
    ],
)
@pytest.mark.parametrize(("frames", "windows"), [(CLIP.frames, 1), (CLIP.frames - 1, 0)])
def test_frames_are_counted(tmp_path, container, video, audio, frames, windows):
    path = tmp_path / f"exact.{container}"
    crf = {} if video == "libx264" else {"crf": None}
    options = {"video_options": {"deadline": "realtime", "cpu-used": "8"}} if video == "libvpx" else {}
    images = (np.full((48, 64, 3), 3 * number % 255, np.uint8) for number in range(frames))
    noise = np.random.default_rng(0).normal(0, 0.05, round(48_000 * CLIP.duration_s)).astype(np.float32)
    write_media(
        path,
        images,
        CLIP.fps,
        noise,
        48_000,
        container=container,
        video_codec=video,
        audio_codec=audio,
        **crf,
        **options,
    )
    found = segment_source(Source(sha256_file(path), path, SegmentParams()))
    try:
        rows = windows_of(found, CLIP, 0, "0" * 64)
    except MediaError as error:
        rows = []
        assert error.code in {"too_short", "video_too_short"}
    assert len(rows) == windows
