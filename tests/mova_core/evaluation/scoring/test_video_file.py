"""A file is decoded whole, whatever number of frames its container lets expect."""

from pathlib import Path

import numpy as np
import pytest

from mova_core.errors import MediaError
from mova_core.evaluation.scoring import video_file
from mova_core.evaluation.scoring.video_file import read_video
from mova_core.measures.clip import Asked
from mova_core.media.encode import write_media

FPS, RATE_HZ, FRAMES = 16, 16_000, 21


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    drawn = np.random.default_rng(0).integers(0, 255, (FRAMES, 6, 8, 3)).astype(np.uint8)
    frames = drawn.repeat(8, axis=1).repeat(8, axis=2)
    path = tmp_path_factory.mktemp("files") / "clip.mp4"
    write_media(path, frames, FPS, np.zeros(FRAMES * RATE_HZ // FPS, np.float32), RATE_HZ)
    return path


@pytest.mark.parametrize("expected", [1, 20, 21, 500])
def test_all_frames_are_there_whatever_was_expected(path: Path, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_video(path, Asked()).frames
    monkeypatch.setattr(video_file, "ceil", lambda frames: expected - 1)
    frames = read_video(path, Asked()).frames
    assert frames.shape == (FRAMES, 48, 64, 3)
    np.testing.assert_array_equal(frames, whole)


@pytest.mark.parametrize("expected", [1, FRAMES])
def test_frames_that_are_too_large_together_are_refused(
    path: Path, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_file, "ceil", lambda frames: expected - 1)
    monkeypatch.setattr(video_file, "MOST_BYTES", FRAMES * 48 * 64 * 3 - 1)
    with pytest.raises(MediaError, match="more than a clip to measure"):
        read_video(path, Asked())
