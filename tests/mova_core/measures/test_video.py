"""Frames with known answers, and the synthetic world's noise found again through the clip's encoding."""

import numpy as np
import pytest

from mova_core.measures.video import (
    black_share,
    cells,
    frozen_share,
    luma,
    motion,
    noise_sd,
    without_bars,
)
from mova_core.media.clip_file import read_clip
from mova_core.media.encode import write_media
from mova_core.synthetic.world import KINDS, NOISE_SD, draw_take, render_frames


def still(frames: int = 10, height: int = 48, width: int = 64, level: int = 90) -> np.ndarray:
    return np.full((frames, height, width), level, np.uint8)


def noisy(sd: float, height: int = 96, width: int = 128, frames: int = 8) -> np.ndarray:
    noise = np.random.default_rng(1).normal(128, sd, (frames, height, width))
    return np.rint(noise).clip(0, 255).astype(np.uint8)


def test_luma_of_gray_is_gray_and_green_is_brighter_than_blue():
    gray = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    np.testing.assert_array_equal(luma(np.repeat(gray[..., None], 3, axis=3)), gray)
    colours = np.array([[[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]], np.uint8)
    np.testing.assert_allclose(luma(colours)[0, 0] / 255, [0.2126, 0.7152, 0.0722], atol=0.004)


def test_bars_go_and_an_all_black_clip_stays():
    clip = still()
    clip[:, :6] = clip[:, -6:] = clip[:, :, :10] = 0
    assert without_bars(clip).shape == (10, 36, 54)
    assert without_bars(still(level=0)).shape == (10, 48, 64)


def test_bars_are_black_from_first_to_last():
    clip = still()
    clip[:5, :6] = 0
    assert without_bars(clip).shape == clip.shape


def test_black_share_counts_black_frames():
    clip = still()
    clip[:3] = 20
    clip[3, :10] = 20  # a fifth of a frame is not a black frame
    assert black_share(clip) == pytest.approx(0.3)


def test_frozen_share_counts_pairs_without_change():
    clip = still(frames=11)
    clip[6:] += 40  # one change in ten pairs
    assert frozen_share(cells(clip)) == pytest.approx(0.9)
    assert frozen_share(cells(still())) == 1


def test_a_small_moving_thing_is_not_frozen():
    clip = still(frames=20, height=360, width=640)
    for index, frame in enumerate(clip):
        frame[100:120, 100 + 4 * index : 120 + 4 * index] = 160
    assert frozen_share(cells(clip)) == 0


def test_motion_is_the_mean_change():
    clip = still(frames=3, level=100)
    clip[1] = 110
    assert motion(cells(clip)) == pytest.approx(10 / 255)
    assert motion(cells(still())) == 0


def test_pixel_noise_is_little_motion_on_a_large_canvas():
    assert motion(cells(noisy(8, height=352, width=640))) < 0.003


@pytest.mark.parametrize("sd", [2, 10, 30])
def test_noise_sd_is_that_of_the_noise(sd):
    assert noise_sd(noisy(sd)) * 255 == pytest.approx(sd, rel=0.05)


def test_shapes_and_slopes_are_no_noise():
    clip = still(height=96, width=128)
    clip[:, 30:60, 40:90] = 200
    assert noise_sd(clip) == 0
    slope = np.add.outer(np.arange(96), np.arange(128)).astype(np.uint8)
    assert noise_sd(np.stack([slope] * 3)) == 0


def test_noise_sd_ranks_clips_of_the_made_world_as_their_true_noise(tmp_path):
    rng = np.random.default_rng(5)
    true, measured = [], []
    for index in range(24):
        take = draw_take(rng, list(KINDS)[index % len(KINDS)], length_s=33 / 16)
        frames = list(render_frames(take, 16, 33, 48))
        write_media(tmp_path / "clip.mp4", frames, 16, np.zeros(33_000, np.float32), 16_000)
        stored, _ = read_clip(tmp_path / "clip.mp4")
        true.append(NOISE_SD / 255 * (1 - take.quality))
        measured.append(noise_sd(without_bars(luma(stored))))
    ranks = np.argsort(np.argsort([true, measured], axis=1), axis=1)
    assert np.corrcoef(ranks)[0, 1] >= 0.95
    np.testing.assert_allclose(measured, true, atol=0.01)  # the darkest noise is cut off at black
