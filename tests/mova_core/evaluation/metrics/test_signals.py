"""Metrics of audio and video by their samples: known answers through a clip, and reasons where there is nothing."""

from dataclasses import replace

import numpy as np
import pytest

from mova_core.evaluation.metrics import audio_signal, video_signal
from mova_core.measures.clip import Clip, Unavailable

RATE_HZ, FPS = 48_000, 24.0
AUDIO = [
    audio_signal.rms_dbfs,
    audio_signal.loudness_lufs,
    audio_signal.loudness_range_lu,
    audio_signal.true_peak,
    audio_signal.silence_ratio,
    audio_signal.bandwidth_hz,
    audio_signal.clipped_share,
    audio_signal.clipping_runs_hz,
]
VIDEO = [video_signal.motion, video_signal.flow_speed, video_signal.frozen_share, video_signal.flicker]


def sine(peak: float = 0.5, seconds: float = 4.0) -> np.ndarray:
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (peak * np.sin(2 * np.pi * 1000 * times)).astype(np.float32)


def texture(frames: int = 12, step: int = 0) -> np.ndarray:
    """Smooth blobs that go on by so many pixels a frame, uint8 [F, H, W, 3]."""
    across = 128 + 60 * np.sin(np.arange(64) / 5) * np.sin(np.arange(48)[:, None] / 4)
    moved = np.stack([np.roll(across, step * index, axis=1) for index in range(frames)])
    return moved.round().astype(np.uint8)[..., None].repeat(3, axis=3)


def clip(frames: np.ndarray | None = None, audio: np.ndarray | None = None) -> Clip:
    return Clip(texture() if frames is None else frames, sine() if audio is None else audio, FPS, RATE_HZ)


def test_a_sine_has_the_levels_of_its_definition():
    made = clip()
    assert audio_signal.rms_dbfs(made) == pytest.approx(-9.03, abs=0.01)
    assert audio_signal.loudness_lufs(made) == pytest.approx(-9.03, abs=0.1)
    assert audio_signal.true_peak(made) == pytest.approx(-6.02, abs=0.1)
    assert audio_signal.loudness_range_lu(made) == pytest.approx(0, abs=0.1)
    assert audio_signal.bandwidth_hz(made) == pytest.approx(1000, abs=100)
    assert audio_signal.silence_ratio(made) == audio_signal.clipped_share(made) == 0


def test_a_still_clip_is_frozen_and_a_moving_one_is_not():
    still, moving = clip(), clip(texture(step=2))
    assert [measure(still) for measure in VIDEO] == pytest.approx([0, 0, 1, 0], abs=1e-3)
    assert video_signal.frozen_share(moving) == 0
    assert video_signal.motion(moving) > 0.01
    assert video_signal.flow_speed(moving) == pytest.approx(2 * FPS / 48, rel=0.15)  # 2 of 48 pixels a frame


def test_flicker_is_change_of_brightness_that_is_neither_motion_nor_a_fade():
    frames = texture(frames=20).astype(np.int16)
    jumping = frames + np.where(np.arange(20) % 2, 6, -6)[:, None, None, None]
    fading = frames + np.arange(20)[:, None, None, None]
    assert video_signal.flicker(clip(jumping.astype(np.uint8))) == pytest.approx(12 / 255)
    assert video_signal.flicker(clip(fading.astype(np.uint8))) == pytest.approx(0, abs=1e-6)
    assert video_signal.flicker(clip(texture(frames=20, step=3))) < 0.1 * 12 / 255


@pytest.mark.parametrize(
    ("audio", "why"),
    [
        (np.zeros(0, np.float32), "no audio"),
        (np.full(RATE_HZ, np.nan, np.float32), "no numbers"),
        (np.append(sine(), np.float32(np.inf)), "no numbers"),
    ],
)
def test_audio_that_is_none_has_no_measure(audio, why):
    for measure in AUDIO:
        missing = measure(clip(audio=audio))
        assert isinstance(missing, Unavailable) and why in missing.reason


def test_silence_has_a_ratio_and_no_level():
    silent = clip(audio=np.zeros(4 * RATE_HZ, np.float32))
    there = {measure.__name__ for measure in AUDIO if not isinstance(measure(silent), Unavailable)}
    assert there == {"silence_ratio", "clipped_share", "clipping_runs_hz"}
    assert audio_signal.silence_ratio(silent) == 1


def test_audio_of_a_few_samples_has_no_measure_that_needs_a_window():
    short = clip(audio=sine()[100:300])
    there = {measure.__name__ for measure in AUDIO if not isinstance(measure(short), Unavailable)}
    assert there == {"rms_dbfs", "true_peak", "clipped_share", "clipping_runs_hz"}


@pytest.mark.parametrize("frames", [0, 1])
def test_one_frame_does_not_move(frames):
    for measure in VIDEO:
        missing = measure(clip(texture(frames=frames) if frames else np.zeros((0, 48, 64, 3), np.uint8)))
        assert isinstance(missing, Unavailable) and f"the clip has {frames}" in missing.reason


def test_a_clip_collapsed_if_generation_would_try_again():
    flat, loud = np.full((8, 48, 64, 3), 90, np.uint8), (3 * sine()).clip(-1, 1)
    assert video_signal.collapsed(clip()) == 0
    assert video_signal.collapsed(clip(flat)) == video_signal.collapsed(clip(audio=loud)) == 1
    assert video_signal.collapsed(clip(audio=np.zeros(RATE_HZ, np.float32))) == 1
    assert video_signal.collapsed(clip(audio=np.zeros(0, np.float32))) == 0  # what was not made cannot collapse
    nothing = replace(clip(), frames=flat[:0], audio=np.zeros(0, np.float32))
    assert isinstance(video_signal.collapsed(nothing), Unavailable)
